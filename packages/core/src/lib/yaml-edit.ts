import { isAlias, isCollection, isMap, isPair, isScalar, isSeq, type ParsedNode, Scalar, stringify } from "yaml";
import { AgentvError, type DocumentPath, hasErrors } from "./errors.ts";
import type { OffsetRange } from "./interpolate.ts";
import { applyEdits, type TextEdit } from "./text.ts";
import {
	afterColon,
	type Collection,
	cannotPatch,
	columnOf,
	contentEnd,
	entryEnd,
	entryStart,
	indentFollowing,
	isBlockScalar,
	keepsBlankLines,
	type LocatedNode,
	lineBreakOf,
	lineEnd,
	lineStart,
	nextLineStart,
	type ParsedPair,
	parseYaml,
	type ScalarPlace,
	type ScalarStyle,
	scalarText,
	startsLine,
	startWithProps,
	type YamlDocument,
} from "./yaml-document.ts";

/**
 * Returns the new document only if its value is exactly `expectedValue`.
 * @throws AgentvError `refused` if the document has errors, or if anything else would change
 */
export function verifiedPatch(
	document: YamlDocument,
	edits: readonly TextEdit[],
	expectedValue: unknown,
): YamlDocument {
	if (hasErrors(document.diagnostics)) {
		throw new AgentvError("refused", `${document.file} was not changed: it has errors`, {
			diagnostics: document.diagnostics,
		});
	}
	const patched = parseYaml(applyEdits(document.text, edits), document.file);
	if (hasErrors(patched.diagnostics) || !sameValue(patched.value, expectedValue)) {
		throw new AgentvError("refused", `${document.file} was not changed: the edit would have changed something else`, {
			hint: "Edit the file by hand",
		});
	}
	return patched;
}

/** Copies only objects on the path. */
export function withValueAt(value: unknown, path: DocumentPath, replacement: unknown): unknown {
	const [step, ...rest] = path;
	if (step === undefined) return replacement;
	if (Array.isArray(value)) {
		const copy = value.slice();
		copy[Number(step)] = withValueAt(copy[Number(step)], rest, replacement);
		return copy;
	}
	const object = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
	return { ...object, [step]: withValueAt(object[step], rest, replacement) };
}

export function withoutValueAt(value: unknown, path: DocumentPath): unknown {
	const [step, ...rest] = path;
	if (step === undefined || typeof value !== "object" || value === null) return value;
	if (rest.length > 0) {
		const inner = (value as Record<string | number, unknown>)[step];
		return withValueAt(value, [step], withoutValueAt(inner, rest));
	}
	if (Array.isArray(value)) return value.filter((_, index) => index !== Number(step));
	return Object.fromEntries(Object.entries(value).filter(([key]) => key !== String(step)));
}

/** Ignores the order of keys. */
export function sameValue(a: unknown, b: unknown): boolean {
	if (Object.is(a, b)) return true;
	if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
	if (Array.isArray(a) || Array.isArray(b)) {
		if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
		return a.every((item, index) => sameValue(item, b[index]));
	}
	const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
	const keys = Object.keys(left);
	if (keys.length !== Object.keys(right).length) return false;
	return keys.every((key) => Object.hasOwn(right, key) && sameValue(left[key], right[key]));
}

/** Lines are not folded, for `appendToSequence` and `insertPair`. */
export function blockText(value: unknown): string {
	return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}

/**
 * Creates a list that is missing, empty or `null`, also in an empty file.
 * @param item block YAML, not indented and without its dash
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

/** @param value block YAML, not indented */
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
	const pairText = keyText + (isBlockCollection(value) ? ":\n  " : ": ") + indentFollowing(value, 2, "\n");
	if (isEmptyValue(located.node)) return fill(document, located, path, pairText);
	return [insertInBlock(document.text, located.node as Collection, pairText)];
}

/** Empty values are not text, `null` without text, and `[]` or `{}` on one line. */
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

/** The first key after a dash begins to the right of the dash. */
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

/** Keeps the style if possible. @throws AgentvError `refused` if there is no scalar at `path` */
export function replaceScalar(
	document: YamlDocument,
	path: DocumentPath,
	value: string | number | boolean | null,
): TextEdit {
	const { written, found } = document.find(path);
	if (found < path.length || isCollection(written)) throw cannotPatch("there is no single value there");
	const place = { ...placeOf(document, path), key: false };
	if (written === null) throw cannotPatch("the entry can't have a value");
	if (written.range[0] === written.range[1]) {
		const at = contentEnd(document.text, written);
		return { range: [at, at], text: ` ${scalarText(value, "plain", place)}` };
	}
	if (isBlockScalar(written)) return replaceBlock(document.text, written, value, place);
	const style = isAlias(written) ? "plain" : styleOf(written as Scalar.Parsed);
	return { range: [written.range[0], written.range[1]], text: scalarText(value, style, place) };
}

export function renameKey(document: YamlDocument, path: DocumentPath, name: string): TextEdit {
	const { pair, found } = document.find(path);
	if (found < path.length || pair === undefined || !isScalar(pair.key)) throw cannotPatch("there is no such key");
	const key = pair.key as Scalar.Parsed;
	const place = { ...placeOf(document, path), key: true };
	return { range: [key.range[0], key.range[1]], text: scalarText(name, styleOf(key), place) };
}

function placeOf(document: YamlDocument, path: DocumentPath): ScalarPlace {
	const around = path.map((_, length) => document.find(path.slice(0, length)).node);
	const flow = around.some((node) => isCollection(node) && node.flow === true);
	return { flow, key: false, json: document.file.toLowerCase().endsWith(".json") };
}

function styleOf(node: Scalar.Parsed): ScalarStyle {
	if (node.type === Scalar.QUOTE_DOUBLE) return "double";
	return node.type === Scalar.QUOTE_SINGLE ? "single" : "plain";
}

function replaceBlock(
	text: string,
	node: Scalar.Parsed,
	value: string | number | boolean | null,
	place: ScalarPlace,
): TextEdit {
	const block = typeof value === "string" ? replaceBlockScalar(text, node, value) : undefined;
	if (block !== undefined) return block;
	const headerEnd = lineEnd(text, node.range[0]);
	const comment = /[ \t]#[\s\S]*$/.exec(text.slice(node.range[0], headerEnd))?.[0] ?? "";
	const body = text.slice(headerEnd, Math.max(headerEnd, node.range[1])).trimEnd();
	return { range: [node.range[0], headerEnd + body.length], text: scalarText(value, "double", place) + comment };
}

/**
 * Removes the entry or item with its lines. Comment lines directly above it are removed too, unless
 * it is the first entry (they can describe the whole list) or they are commented-out YAML. A
 * collection that loses its last entry becomes `[]` or `{}`.
 * @throws AgentvError `refused` if there is nothing at `path`
 */
export function removeEntry(document: YamlDocument, path: DocumentPath): TextEdit[] {
	const { text } = document;
	const { found, pair } = document.find(path);
	const around = document.find(path.slice(0, -1));
	const collection = around.node;
	if (path.length === 0 || found < path.length || !isCollection(collection)) {
		throw cannotPatch("there is no entry there");
	}
	const items = collection.items as (ParsedNode | ParsedPair)[];
	const index = isSeq(collection) ? Number(path.at(-1)) : items.indexOf(pair as ParsedPair);
	const block = collection as Collection;
	// An entry from a merge key is defined elsewhere.
	if (index === -1) throw cannotPatch("the entry comes from a merge key");
	if (collection.flow) return [{ range: flowRange(text, items, index), text: "" }];
	if (items.length === 1) return emptied(text, block, around);
	return [{ range: blockRange(text, block, index), text: "" }];
}

function blockRange(text: string, collection: Collection, index: number): OffsetRange {
	const start = entryStart(text, collection, index);
	const item = collection.items[index] as ParsedNode | ParsedPair;
	const end = lineEnd(text, entryEnd(text, item));
	if (startsLine(text, start)) {
		const from = index === 0 ? lineStart(text, start) : withComments(text, collection, index, start);
		const to = nextLineStart(text, end);
		// Blank lines after this entry must not become part of the text before it.
		const previous = index > 0 && keepsBlankLines(text, collection.items[index - 1]);
		return [from, to + (previous ? (/^([ \t]*\r?\n)*/.exec(text.slice(to))?.[0].length ?? 0) : 0)];
	}
	// The first of `- a: 1`: what follows moves up after the dash, unless there are comments in
	// between.
	const next = entryStart(text, collection, index + 1);
	if (lineStart(text, next) === nextLineStart(text, end)) return [start, next];
	const line = lineStart(text, start);
	return [line + text.slice(line, start).trimEnd().length, end];
}

function withComments(text: string, collection: Collection, index: number, start: number): number {
	const previous = collection.items[index - 1] as ParsedNode | ParsedPair;
	const limit = nextLineStart(text, entryEnd(text, previous));
	const column = columnOf(text, start);
	let from = lineStart(text, start);
	while (from > limit) {
		const above = lineStart(text, from - 1);
		const line = text.slice(above, lineEnd(text, above));
		const comment = line.trimStart();
		const attached = comment.startsWith("#") && line.length - comment.length === column;
		if (!attached || /^#\s*(- |[\w-]+:(\s|$))/.test(comment)) break;
		from = above;
	}
	return from;
}

function emptied(text: string, collection: Collection, around: LocatedNode): TextEdit[] {
	const empty = isSeq(collection) ? "[]" : "{}";
	const start = entryStart(text, collection, 0);
	const end = entryEnd(text, collection.items[0] as ParsedNode | ParsedPair);
	if (around.pair === undefined || !startsLine(text, start)) return [{ range: [start, end], text: empty }];
	const at = afterColon(text, around.pair.key.range[1]);
	return [
		{ range: [at, at], text: ` ${empty}` },
		{ range: [lineStart(text, start), nextLineStart(text, end)], text: "" },
	];
}

function flowRange(text: string, items: readonly (ParsedNode | ParsedPair)[], index: number): OffsetRange {
	const startOf = (item: ParsedNode | ParsedPair) =>
		startWithProps(text, isPair(item) ? (item as ParsedPair).key : (item as ParsedNode));
	const [previous, item, next] = [items[index - 1], items[index], items[index + 1]];
	if (item === undefined) throw cannotPatch();
	const start = startOf(item);
	if (next !== undefined) return [start, startOf(next)];
	const end = entryEnd(text, item);
	if (previous === undefined) return [start, end + (/^\s*,/.exec(text.slice(end))?.[0].length ?? 0)];
	const before = entryEnd(text, previous);
	if (!text.slice(before, start).includes("#")) return [before, end];
	// A comment after the previous item stays; YAML allows the trailing comma that remains.
	return [lineStart(text, start), nextLineStart(text, end)];
}

/** Returns undefined if the text must be quoted because a block scalar can't represent it. */
function replaceBlockScalar(text: string, node: Scalar.Parsed, value: string): TextEdit | undefined {
	const headerEnd = lineEnd(text, node.range[0]);
	const header = /^([|>])([+-]?)\d?([+-]?)([\s\S]*)$/.exec(text.slice(node.range[0], headerEnd));
	const body = text.slice(headerEnd, Math.max(headerEnd, node.range[1]));
	const [, style = "|", chompBefore = "", chompAfter = "", comment = ""] = header ?? [];
	if (header === null || !fits(value)) return undefined;
	const lines = value.replace(/\n$/, "").split("\n");
	const written = body.trimEnd();
	const trailing = body.slice(written.length).replace(/^\r?\n/, "");
	const chomp = chomping(chompBefore || chompAfter, value.endsWith("\n"), trailing !== "");
	// A folded scalar keeps a single line as it is; with more, folding would have to be undone.
	const folded = style === ">" && lines.length === 1 && node.type === Scalar.BLOCK_FOLDED;
	const indent = " ".repeat(bodyIndent(written) ?? keyColumn(text, node) + 2);
	const lineBreak = lineBreakOf(text);
	const content = lines.map((line) => (line === "" ? "" : indent + line)).join(lineBreak);
	return {
		range: [node.range[0], headerEnd + written.length],
		text: `${folded ? ">" : "|"}${chomp}${comment}${lineBreak}${content}`,
	};
}

function fits(value: string): boolean {
	return /^[^\s]/.test(value) && !/[ \t]$|\n\n$|[^\P{Cc}\n\t]|[\p{Cs}\u2028\u2029\ufeff]/u.test(value);
}

function chomping(before: string, endsWithNewline: boolean, blankLinesFollow: boolean): string {
	if (!endsWithNewline) return "-";
	return before === "+" && !blankLinesFollow ? "+" : "";
}

function bodyIndent(body: string): number | undefined {
	const indents = body
		.split(/\r?\n/)
		.flatMap((line) => (line.trim() === "" ? [] : [line.length - line.trimStart().length]));
	return indents.length === 0 ? undefined : Math.min(...indents);
}

function keyColumn(text: string, node: Scalar.Parsed): number {
	const line = text.slice(lineStart(text, node.range[0]), node.range[0]);
	const dashes = /^[ ]*(?:- +)*/.exec(line)?.[0].length ?? 0;
	return Math.min(dashes, columnOf(text, node.range[0]));
}
