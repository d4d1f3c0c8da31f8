import { isMap } from "yaml";
import type { DocumentPath } from "../../base/diagnostic.ts";
import type { TextEdit } from "../../base/text-edits.ts";
import type { YamlDocument } from "../../base/yaml-document.ts";
import {
	cannotPatch,
	columnOf,
	contentEnd,
	lineEnd,
	lineStart,
	nextLineStart,
	startsLine,
} from "../../base/yaml-layout.ts";

/**
 * The edits that put the entries of the block mapping at `path` one level up, in place of the entry that holds them: its
 * key's line goes, its lines move left. Comments come along.
 * @throws AgentvError `refused` where it is not laid out in lines of its own
 */
export function unwrapEdits(document: YamlDocument, path: DocumentPath): TextEdit[] {
	const { text } = document;
	const { pair, written, found } = document.find(path);
	if (!pair || found < path.length || !isMap(written) || written.flow || written.anchor !== undefined)
		throw cannotPatch();
	const key = pair.key.range[0];
	const first = written.range[0];
	if (!startsLine(text, key) || !startsLine(text, first)) throw cannotPatch();
	const by = columnOf(text, first) - columnOf(text, key);
	const end = contentEnd(text, written);
	const edits: TextEdit[] = [{ range: [lineStart(text, key), nextLineStart(text, key)], text: "" }];
	for (let line = nextLineStart(text, key); line < end; line = nextLineStart(text, line)) {
		const blank = text.slice(line, lineEnd(text, line)).trim() === "";
		if (blank) continue;
		const indent = /^ */.exec(text.slice(line, line + by))?.[0].length ?? 0;
		edits.push({ range: [line, line + indent], text: "" });
	}
	return edits;
}

/** The value with the entries of the mapping at `path` one level up. */
export function unwrapped(value: unknown, path: DocumentPath): unknown {
	const [key, ...rest] = path;
	if (key === undefined || typeof value !== "object" || value === null) return value;
	const object = value as Record<string | number, unknown>;
	if (rest.length > 0) {
		const inner = unwrapped(object[key], rest);
		return Array.isArray(value) ? value.with(Number(key), inner) : { ...object, [key]: inner };
	}
	const { [key]: held, ...others } = object;
	return { ...others, ...(held as object) };
}
