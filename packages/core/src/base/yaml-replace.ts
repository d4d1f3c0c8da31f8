import { isAlias, isCollection, isScalar, Scalar } from "yaml";
import type { DocumentPath } from "./diagnostic.ts";
import type { TextEdit } from "./text-edits.ts";
import { replaceBlockScalar } from "./yaml-block-scalar.ts";
import type { YamlDocument } from "./yaml-document.ts";
import { cannotPatch, contentEnd, isBlockScalar, lineEnd } from "./yaml-layout.ts";
import { type ScalarPlace, type ScalarStyle, scalarText } from "./yaml-scalar-text.ts";

/**
 * Returns the edit that replaces the scalar (or alias, or empty value) at `path` by `value`, in the
 * same style if possible.
 * @throws AgentvError `refused` if there is no scalar at `path`
 */
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

/** Returns the edit that renames the key of the mapping entry at `path` to `name`. */
export function renameKey(document: YamlDocument, path: DocumentPath, name: string): TextEdit {
	const { pair, found } = document.find(path);
	if (found < path.length || pair === undefined || !isScalar(pair.key)) throw cannotPatch("there is no such key");
	const key = pair.key as Scalar.Parsed;
	const place = { ...placeOf(document, path), key: true };
	return { range: [key.range[0], key.range[1]], text: scalarText(name, styleOf(key), place) };
}

/** Returns what limits how a scalar at `path` can be written. */
export function placeOf(document: YamlDocument, path: DocumentPath): ScalarPlace {
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
	return {
		range: [node.range[0], headerEnd + body.length],
		text: scalarText(value, "double", place) + comment,
	};
}
