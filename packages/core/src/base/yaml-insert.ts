import { isCollection, isMap, isScalar, isSeq, type ParsedNode, stringify } from "yaml";
import type { DocumentPath } from "./diagnostic.ts";
import type { TextEdit } from "./text-edits.ts";
import { parseYaml, type YamlDocument } from "./yaml-document.ts";
import {
	type Collection,
	cannotPatch,
	columnOf,
	entryEnd,
	entryStart,
	indentFollowing,
	lineBreakOf,
	lineEnd,
	lineStart,
	type ParsedPair,
	startsLine,
} from "./yaml-layout.ts";
import type { LocatedNode } from "./yaml-locate.ts";
import { placeOf } from "./yaml-replace.ts";
import { scalarText } from "./yaml-scalar-text.ts";

/** Returns `value` as block YAML with unfolded lines, for `appendToSequence` and `insertPair`. */
export function blockText(value: unknown): string {
	return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}

/**
 * Returns the edits that append an item to the list at `path`. A list that is missing, empty or
 * `null` is created, also in an empty file.
 * @param item the item as block YAML, not indented and without its dash
 */
export function appendToSequence(document: YamlDocument, path: DocumentPath, item: string): TextEdit[] {
	const located = document.find(path);
	const listText = `- ${indentFollowing(item, 2, "\n")}`;
	const key = path.at(-1);
	if (located.found < path.length) {
		if (located.found < path.length - 1 || key === undefined) throw cannotPatch("there is no list there");
		return insertPair(document, path.slice(0, -1), String(key), listText);
	}
	if (isEmptyValue(located.node)) return fill(document, located, path, listText);
	if (!isSeq(located.node)) throw cannotPatch("there is no list there");
	if (located.node.flow) return [insertInFlow(document, located.node as Collection, flowText(item))];
	return [insertInBlock(document.text, located.node as Collection, listText)];
}

/**
 * Returns the edits that append the entry `key: value` to the mapping at `path`.
 * @param value the value as block YAML, not indented
 */
export function insertPair(document: YamlDocument, path: DocumentPath, key: string, value: string): TextEdit[] {
	const located = document.find(path);
	if (located.found < path.length) throw cannotPatch("there is no mapping there");
	const place = { ...placeOf(document, [...path, key]), key: true };
	const keyText = scalarText(key, "plain", place);
	if (!isEmptyValue(located.node)) {
		if (!isMap(located.node)) throw cannotPatch("there is no mapping there");
		if (located.node.flow) {
			return [insertInFlow(document, located.node as Collection, `${keyText}: ${flowText(value)}`)];
		}
	}
	const nested = isBlockCollection(value);
	const pairText = nested
		? `${keyText}:\n  ${indentFollowing(value, 2, "\n")}`
		: `${keyText}: ${indentFollowing(value, 2, "\n")}`;
	if (isEmptyValue(located.node)) return fill(document, located, path, pairText);
	return [insertInBlock(document.text, located.node as Collection, pairText)];
}

/** Returns whether it is nothing, `null` without text, or an empty `[]` or `{}` on one line. */
function isEmptyValue(node: ParsedNode | null): boolean {
	if (node === null) return true;
	if (isScalar(node)) return node.value === null;
	return isCollection(node) && node.items.length === 0;
}

function isBlockCollection(text: string): boolean {
	const { root } = parseYaml(text, "");
	return isCollection(root) && !root.flow;
}

function flowText(text: string): string {
	return JSON.stringify(parseYaml(text, "").value);
}

function insertInBlock(text: string, collection: Collection, entry: string): TextEdit {
	const last = collection.items.at(-1) as ParsedNode | ParsedPair;
	const column = columnOf(text, entryStart(text, collection, 0));
	const at = lineEnd(text, entryEnd(text, last));
	const lineBreak = lineBreakOf(text);
	return { range: [at, at], text: lineBreak + " ".repeat(column) + indentFollowing(entry, column, lineBreak) };
}

function insertInFlow({ text }: YamlDocument, collection: Collection, entry: string): TextEdit {
	const last = collection.items.at(-1) as ParsedNode | ParsedPair | undefined;
	if (last === undefined) {
		const inside = collection.range[0] + 1;
		return { range: [inside, inside], text: entry };
	}
	const end = entryEnd(text, last);
	const comma = /^\s*,/.exec(text.slice(end))?.[0].length ?? 0;
	const start = "key" in last ? last.key.range[0] : last.range[0];
	const column = columnOf(text, start);
	const separator = startsLine(text, start) ? lineBreakOf(text) + " ".repeat(column) : " ";
	return { range: [end + comma, end + comma], text: `${comma === 0 ? "," : ""}${separator}${entry}` };
}

/** Replaces an empty value with block YAML. */
function fill(document: YamlDocument, located: LocatedNode, path: DocumentPath, entry: string): TextEdit[] {
	const { text } = document;
	const lineBreak = lineBreakOf(text);
	const { written, pair } = located;
	const place = placeOf(document, path);
	const commented = isCollection(written) && text.slice(written.range[0], written.range[1]).includes("#");
	if (place.flow || place.json || commented) {
		if (!isCollection(written)) throw cannotPatch("the value is empty");
		const inner = flowText(entry).slice(1, -1);
		return [insertInFlow(document, written as Collection, inner)];
	}
	if (path.length === 0) return fillRoot(text, written, entry, lineBreak);
	const column = pair === undefined ? 0 : columnOf(text, lineStartOfKey(text, pair));
	if (pair === undefined || written === null) throw cannotPatch("the value is an empty list item");
	const [start, end] = written.range;
	const blanks =
		start === end ? 0 : (/(?<![ \t])[ \t]+$/.exec(text.slice(lineStart(text, start), start))?.[0].length ?? 0);
	const at = lineEnd(text, end);
	const indented = " ".repeat(column + 2) + indentFollowing(entry, column + 2, lineBreak);
	return [
		...(start === end ? [] : [{ range: [start - blanks, end], text: "" } as const]),
		{ range: [at, at], text: lineBreak + indented },
	];
}

/** Returns where the key begins; for the first key after a dash that is right of the dash. */
function lineStartOfKey(text: string, pair: ParsedPair): number {
	const { key } = pair;
	return startsLine(text, key.range[0]) ? key.range[0] : lineStart(text, key.range[0]) + keyIndent(text, key);
}

function keyIndent(text: string, key: ParsedNode): number {
	const before = text.slice(lineStart(text, key.range[0]), key.range[0]);
	return /^\s*(?:- +)*/.exec(before)?.[0].length ?? before.length;
}

function fillRoot(text: string, root: ParsedNode | null, entry: string, lineBreak: string): TextEdit[] {
	const block = indentFollowing(entry, 0, lineBreak);
	if (root !== null && root.range[1] > root.range[0]) return [{ range: [root.range[0], root.range[1]], text: block }];
	const end = text.length;
	const separator = end === 0 || text === "\uFEFF" || text.endsWith("\n") ? "" : lineBreak;
	return [{ range: [end, end], text: `${separator}${block}${lineBreak}` }];
}
