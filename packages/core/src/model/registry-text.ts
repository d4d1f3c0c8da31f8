import { isSeq } from "yaml";
import type { TextEdit } from "../base/text-edits.ts";
import type { YamlDocument } from "../base/yaml-document.ts";
import { appendToSequence, blockText } from "../base/yaml-insert.ts";
import { type Collection, entryEnd, entryStart, lineStart, nextLineStart, startsLine } from "../base/yaml-layout.ts";
import { verifiedPatch } from "../base/yaml-patch.ts";
import { removeEntry } from "../base/yaml-remove.ts";

/** An entry to be written: keys in order; values are texts or one more level of the same. */
export interface EntryFields {
	readonly [key: string]: string | EntryFields;
}

/**
 * The registry's text with `entry` at the end of its list; every byte that was there stays.
 * @throws AgentvError `refused` where the text is built so that this can't be done safely (aliases)
 */
export function withEntry(document: YamlDocument, entry: EntryFields): string {
	const value = (document.value ?? {}) as Record<string, unknown>;
	const list = (value["benchmarks"] ?? []) as unknown[];
	const edits = appendToSequence(document, ["benchmarks"], blockText(entry));
	return verifiedPatch(document, edits, { ...value, benchmarks: [...list, entry] }).text;
}

/**
 * The registry's text without entry `index`. Its own lines are taken out and nothing else: a comment above it stays, since
 * nobody can know what it speaks of.
 * @throws AgentvError `refused` as `withEntry`
 */
export function withoutEntry(document: YamlDocument, index: number): string {
	const value = document.value as Record<string, unknown>;
	const left = (value["benchmarks"] as unknown[]).toSpliced(index, 1);
	const ownLines = linesOf(document, index);
	if (!ownLines)
		return verifiedPatch(document, removeEntry(document, ["benchmarks", index]), { ...value, benchmarks: left }).text;
	return verifiedPatch(document, [ownLines], { ...value, benchmarks: left.length === 0 ? null : left }).text;
}

/** The edit that removes the lines of an entry of a block list; undefined for a list in flow style. */
function linesOf(document: YamlDocument, index: number): TextEdit | undefined {
	const { text } = document;
	const { node } = document.find(["benchmarks"]);
	if (!isSeq(node) || node.flow) return undefined;
	const list = node as Collection;
	const start = entryStart(text, list, index);
	if (!startsLine(text, start)) return undefined;
	const from = lineStart(text, start);
	const to = nextLineStart(text, entryEnd(text, list.items[index] as Parameters<typeof entryEnd>[1]));
	// A file that did not end with a line break still doesn't.
	const isLast = to === text.length && !text.endsWith("\n") && index > 0;
	return { range: [isLast ? from - (text.slice(0, from).endsWith("\r\n") ? 2 : 1) : from, to], text: "" };
}
