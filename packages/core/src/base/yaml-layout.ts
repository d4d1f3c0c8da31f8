import {
	isAlias,
	isCollection,
	isPair,
	isScalar,
	type Pair,
	type ParsedNode,
	Scalar,
	type YAMLMap,
	type YAMLSeq,
} from "yaml";
import { AgentvError } from "./agentv-error.ts";

export type Collection = YAMLMap.Parsed | YAMLSeq.Parsed;
export type ParsedPair = Pair<ParsedNode, ParsedNode | null>;

/** Returns the line break that `text` uses. */
export function lineBreakOf(text: string): "\r\n" | "\n" {
	const at = text.indexOf("\n");
	return at > 0 && text[at - 1] === "\r" ? "\r\n" : "\n";
}

/** Returns where the line of `offset` begins, after a byte order mark. */
export function lineStart(text: string, offset: number): number {
	const before = offset === 0 ? -1 : text.lastIndexOf("\n", offset - 1);
	return before === -1 && text.startsWith("\uFEFF") ? 1 : before + 1;
}

/** Returns where the line of `offset` ends, before its line break. */
export function lineEnd(text: string, offset: number): number {
	const newline = text.indexOf("\n", offset);
	if (newline === -1) return text.length;
	return newline > offset && text[newline - 1] === "\r" ? newline - 1 : newline;
}

/** Returns where the line after that of `offset` begins; the end of the text if there is none. */
export function nextLineStart(text: string, offset: number): number {
	const newline = text.indexOf("\n", offset);
	return newline === -1 ? text.length : newline + 1;
}

/** Returns the number of columns before `offset` on its line. */
export function columnOf(text: string, offset: number): number {
	return offset - lineStart(text, offset);
}

/** Returns whether only whitespace precedes `offset` on its line. */
export function startsLine(text: string, offset: number): boolean {
	return text.slice(lineStart(text, offset), offset).trim() === "";
}

/** Indents every line except the first and empty ones; line breaks become `lineBreak`. */
export function indentFollowing(text: string, by: number, lineBreak: string): string {
	const [first = "", ...rest] = text.replace(/(?<!\n|\n\r)(\r?\n)+$/, "").split(/\r?\n/);
	return [first, ...rest.map((line) => (line === "" ? line : " ".repeat(by) + line))].join(lineBreak);
}

/** Returns the end of `node` without trailing comments, whitespace and line breaks. */
export function contentEnd(text: string, node: ParsedNode): number {
	if (isAlias(node)) return node.range[1];
	if (isCollection(node) && !node.flow) {
		const last: unknown = node.items.at(-1);
		if (!isPair(last)) return last === undefined ? node.range[0] : contentEnd(text, last as ParsedNode);
		return pairEnd(text, last as ParsedPair);
	}
	if (isBlockScalar(node)) return blockScalarEnd(text, node);
	let end = node.range[1];
	// An empty value is after the whitespace that separates it from a comment.
	if (end === node.range[0]) while (/[ \t]/.test(text[end - 1] ?? "")) end--;
	return end;
}

export function pairEnd(text: string, pair: ParsedPair): number {
	return pair.value === null ? pair.key.range[1] : Math.max(pair.key.range[1], contentEnd(text, pair.value));
}

export function isBlockScalar(node: unknown): node is Scalar.Parsed {
	return isScalar(node) && (node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED);
}

function blockScalarEnd(text: string, node: Scalar.Parsed): number {
	const source = text.slice(node.range[0], node.range[1]);
	// Blank lines after `|+` are part of the value, after `|` and `|-` they aren't.
	const kept = keepsBlankLines(text, node) ? source.replace(/\r?\n$/, "") : source.trimEnd();
	return node.range[0] + kept.length;
}

/** Returns whether blank lines after `node` would belong to its last value (`|+`). */
export function keepsBlankLines(text: string, node: unknown): boolean {
	if (isPair(node)) return keepsBlankLines(text, node.value);
	if (isCollection(node)) return !node.flow && keepsBlankLines(text, node.items.at(-1));
	return isBlockScalar(node) && /^[|>]\d?\+/.test(text.slice(node.range[0], node.range[0] + 3));
}

/** Returns the start of a block entry: its `-`, or the key's line without indentation. */
export function entryStart(text: string, collection: Collection, index: number): number {
	if (index === 0) return collection.range[0];
	const items = collection.items as readonly (ParsedNode | ParsedPair)[];
	const previous = items[index - 1];
	const item = items[index];
	if (previous === undefined || item === undefined) throw cannotPatch();
	const column = columnOf(text, collection.range[0]);
	let start = nextLineStart(text, entryEnd(text, previous));
	const limit = isPair(item) ? item.key.range[0] : item.range[0];
	for (; start <= limit && start < text.length; start = nextLineStart(text, start)) {
		const line = text.slice(start, lineEnd(text, start));
		// Between two entries there are only comments and blank lines.
		if (line.trim() !== "" && !line.trimStart().startsWith("#")) {
			if (line.length - line.trimStart().length !== column) throw cannotPatch();
			return start + column;
		}
	}
	throw cannotPatch();
}

export function entryEnd(text: string, item: ParsedNode | ParsedPair): number {
	return isPair(item) ? pairEnd(text, item as ParsedPair) : contentEnd(text, item as ParsedNode);
}

/** Returns the offset after the key's `:`, and after an anchor and tag on that line. */
export function afterColon(text: string, keyEnd: number): number {
	const colon = /\s*:(?:[ \t]+[&!][^\s,[\]{}]*)*/y;
	colon.lastIndex = keyEnd;
	const match = colon.exec(text);
	if (match === null) throw cannotPatch();
	return keyEnd + match[0].length;
}

/** Returns where `node` begins including its anchor and tag. */
export function startWithProps(text: string, node: ParsedNode): number {
	if (isAlias(node) || (node.anchor === undefined && node.tag === undefined)) return node.range[0];
	const props = /(?:[&!]\S*\s+)+$/.exec(text.slice(Math.max(0, node.range[0] - 2000), node.range[0]));
	return node.range[0] - (props?.[0].length ?? 0);
}

export function cannotPatch(why = "its layout can't be edited safely"): AgentvError {
	return new AgentvError("refused", `The file was not changed: ${why}`, { hint: "Edit the file by hand" });
}
