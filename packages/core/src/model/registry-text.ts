import { isSeq } from "yaml";
import type { TextEdit } from "../base/text-edits.ts";
import type { YamlDocument } from "../base/yaml-document.ts";
import { appendToSequence, blockText } from "../base/yaml-insert.ts";
import { type Collection, entryEnd, entryStart, lineStart, nextLineStart, startsLine } from "../base/yaml-layout.ts";
import { verifiedPatch } from "../base/yaml-patch.ts";
import { removeEntry } from "../base/yaml-remove.ts";

/** An entry to write: keys in order; values are texts or a nested entry of texts. */
export interface EntryFields {
	readonly [key: string]: string | EntryFields;
}

/**
 * Returns the registry's text with `entry` appended to its list; all existing bytes stay.
 * @throws AgentvError `refused` if the layout of the text makes that unsafe (aliases)
 */
export function withEntry(document: YamlDocument, entry: EntryFields): string {
	const value = (document.value ?? {}) as Record<string, unknown>;
	const list = (value["benchmarks"] ?? []) as unknown[];
	const edits = appendToSequence(document, ["benchmarks"], blockText(entry));
	return verifiedPatch(document, edits, { ...value, benchmarks: [...list, entry] }).text;
}

/**
 * Returns the registry's text without entry `index`. Removes only its own lines: a comment above it
 * may be about something else, so it stays.
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

/** Returns undefined for a flow list. */
function linesOf(document: YamlDocument, index: number): TextEdit | undefined {
	const { text } = document;
	const { node } = document.find(["benchmarks"]);
	if (!isSeq(node) || node.flow) return undefined;
	const list = node as Collection;
	const start = entryStart(text, list, index);
	if (!startsLine(text, start)) return undefined;
	const from = lineStart(text, start);
	const to = nextLineStart(text, entryEnd(text, list.items[index] as Parameters<typeof entryEnd>[1]));
	// A file without a final line break still has none.
	const isLast = to === text.length && !text.endsWith("\n") && index > 0;
	return { range: [isLast ? from - (text.slice(0, from).endsWith("\r\n") ? 2 : 1) : from, to], text: "" };
}
