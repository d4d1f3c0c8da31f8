import { isCollection, isPair, isSeq, type ParsedNode } from "yaml";
import type { DocumentPath } from "./diagnostic.ts";
import type { OffsetRange } from "./scan-references.ts";
import type { TextEdit } from "./text-edits.ts";
import type { YamlDocument } from "./yaml-document.ts";
import {
	afterColon,
	type Collection,
	cannotPatch,
	columnOf,
	entryEnd,
	entryStart,
	keepsBlankLines,
	lineEnd,
	lineStart,
	nextLineStart,
	type ParsedPair,
	startsLine,
	startWithProps,
} from "./yaml-layout.ts";
import type { LocatedNode } from "./yaml-locate.ts";

/**
 * Returns the edits that remove the mapping entry or list item at `path` with its lines. Comment
 * lines directly above it are removed too, unless it is the first entry (they can describe the
 * whole list) or they are commented-out YAML. A collection that loses its last entry becomes `[]`
 * or `{}`.
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

/** Returns the start of the comment lines that belong to the entry at `start`. */
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
