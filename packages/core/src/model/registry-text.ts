import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, isSeq, type ParsedNode, type YAMLSeq } from "yaml";
import { AgentvError } from "../base/agentv-error.ts";
import { hasErrors } from "../base/diagnostic.ts";
import { parseYaml, type YamlDocument } from "../base/yaml-document.ts";

/** An entry to be written: keys in order; values are texts or one more level of the same. */
export interface EntryFields {
	readonly [key: string]: string | EntryFields;
}

interface Splice {
	readonly start: number;
	readonly end: number;
	readonly text: string;
}

/**
 * The registry's text with `entry` at the end of its list; every byte that was there stays.
 * @throws AgentvError `config` where the text is built so that this can't be done safely (aliases)
 */
export function withEntry(document: YamlDocument, entry: EntryFields): string {
	const wanted = structuredClone((document.value ?? {}) as Record<string, unknown>);
	wanted["benchmarks"] = [...((wanted["benchmarks"] as unknown[] | null | undefined) ?? []), entry];
	return verified(document, insertion(document, entry), wanted);
}

/**
 * The registry's text without entry `index`: its lines (in flow style: itself and one comma) are taken out, every other byte stays.
 * @throws AgentvError `config` as `withEntry`
 */
export function withoutEntry(document: YamlDocument, index: number): string {
	const wanted = structuredClone(document.value as Record<string, unknown>);
	wanted["benchmarks"] = (wanted["benchmarks"] as unknown[]).toSpliced(index, 1);
	const list = document.find(["benchmarks"]).written;
	if (!isSeq(list)) throw cannotEdit(document);
	const sequence = list as YAMLSeq.Parsed;
	return verified(
		document,
		sequence.flow ? flowRemoval(document, sequence, index) : blockRemoval(document, sequence, index),
		wanted,
	);
}

function verified(document: YamlDocument, splice: Splice | readonly Splice[], wanted: Record<string, unknown>): string {
	let { text } = document;
	const splices = (Array.isArray(splice) ? [...splice] : [splice as Splice]).sort((a, b) => b.start - a.start);
	for (const { start, end, text: replacement } of splices) text = text.slice(0, start) + replacement + text.slice(end);
	const result = parseYaml(text, document.file);
	const value = (result.value ?? {}) as Record<string, unknown>;
	const same = !hasErrors(result.diagnostics) && isDeepStrictEqual(normal(value), normal(wanted));
	if (!same) throw cannotEdit(document);
	return text;
}

/** An empty list, a list without a value and no list mean the same. */
function normal(value: Record<string, unknown>): Record<string, unknown> {
	const { benchmarks, ...rest } = value;
	return { ...rest, benchmarks: benchmarks ?? [] };
}

function cannotEdit(document: YamlDocument): AgentvError {
	return new AgentvError("config", `${document.file} is written in a way that can't be edited safely`, {
		hint: "Aliases and anchors of entries are left alone: edit the file by hand.",
	});
}

function insertion(document: YamlDocument, entry: EntryFields): Splice {
	const { text, root } = document;
	const newline = text.includes("\r\n") ? "\r\n" : "\n";
	if (root === null) return atEnd(text, text.length, block({ benchmarks: "" }, [entry], 0), newline);
	if (!isMap(root)) throw cannotEdit(document);
	const { found, written, pair } = document.find(["benchmarks"]);
	if (found === 0) {
		const last = root.items.at(-1);
		if (root.flow) {
			const at = last ? endOf(last.value ?? last.key) : root.range[0] + 1;
			return splice(at, `${last ? ", " : ""}${JSON.stringify("benchmarks")}: [${flow(entry)}]`);
		}
		const column = columnOf(text, root.range[0]);
		return atEnd(
			text,
			lineEnd(text, endOf(last?.value ?? last?.key ?? root)),
			block({ benchmarks: "" }, [entry], column),
			newline,
		);
	}
	if (written === null || (isScalar(written) && written.range[0] === written.range[1])) {
		const key = pair?.key;
		if (!key) throw cannotEdit(document);
		if (root.flow) return splice(endOf(key), `: [${flow(entry)}]`);
		return atEnd(text, lineEnd(text, endOf(key)), block({}, [entry], columnOf(text, key.range[0])), newline);
	}
	if (isScalar(written)) return { start: written.range[0], end: written.range[1], text: `[${flow(entry)}]` };
	if (!isSeq(written)) throw cannotEdit(document);
	const last = written.items.at(-1) as ParsedNode | undefined;
	if (written.flow) return splice(last ? endOf(last) : written.range[0] + 1, `${last ? ", " : ""}${flow(entry)}`);
	const at = lineEnd(text, last ? endOf(last) : endOf(written as ParsedNode));
	return atEnd(text, at, items([entry], columnOf(text, written.range[0])), newline);
}

function splice(at: number, text: string): Splice {
	return { start: at, end: at, text };
}

function endOf(node: ParsedNode): number {
	return node.range[1];
}

/** Offset where the line of `offset` ends, behind its newline; `offset` itself if a line begins there. */
function lineEnd(text: string, offset: number): number {
	if (offset > 0 && text[offset - 1] === "\n") return offset;
	const newline = text.indexOf("\n", offset);
	return newline === -1 ? text.length : newline + 1;
}

function lineStart(text: string, offset: number): number {
	const start = text.lastIndexOf("\n", offset - 1) + 1;
	return start === 0 && text.startsWith("\ufeff") ? 1 : start;
}

function columnOf(text: string, offset: number): number {
	return offset - lineStart(text, offset);
}

/** `lines` as whole lines at offset `at`. */
function atEnd(text: string, at: number, lines: readonly string[], newline: string): Splice {
	const before = at > 0 && text[at - 1] !== "\n" && text.slice(0, at) !== "\ufeff" ? newline : "";
	return splice(at, before + lines.map((line) => line + newline).join(""));
}

function block(header: { benchmarks?: "" }, entries: readonly EntryFields[], column: number): string[] {
	const key = header.benchmarks === undefined ? [] : [`${" ".repeat(column)}benchmarks:`];
	return [...key, ...items(entries, column + 2)];
}

function items(entries: readonly EntryFields[], column: number): string[] {
	return entries.flatMap((entry) =>
		fieldLines(entry).map((line, index) => `${" ".repeat(column)}${index === 0 ? "- " : "  "}${line}`),
	);
}

function fieldLines(fields: EntryFields): string[] {
	return Object.entries(fields).flatMap(([key, value]) =>
		typeof value === "string"
			? [`${key}: ${scalar(value)}`]
			: [`${key}:`, ...fieldLines(value).map((line) => `  ${line}`)],
	);
}

/** Plain where that reads back as the same text, else quoted. */
function scalar(text: string): string {
	const isPlain = /^[^\s"'].*$/.test(text) && !/\s$/.test(text) && !text.includes(" #");
	if (isPlain && isDeepStrictEqual(parseYaml(`k: ${text}\n`, "").value, { k: text })) return text;
	return JSON.stringify(text);
}

function flow(fields: EntryFields): string {
	return JSON.stringify(fields);
}

function blockRemoval({ text }: YamlDocument, list: YAMLSeq.Parsed, index: number): Splice {
	const node = list.items[index] as ParsedNode;
	// The dash stands before the item, on its line or (with an empty first line) on one above it.
	const from = index === 0 ? list.range[0] : endOf(list.items[index - 1] as ParsedNode);
	const dash = index === 0 ? list.range[0] : nextDash(text, lineEnd(text, from), node.range[0]);
	return { start: lineStart(text, dash), end: lineEnd(text, Math.max(endOf(node), dash + 1)), text: "" };
}

/** Offset of the dash that begins the item at `until`, behind blank lines and comments. */
function nextDash(text: string, from: number, until: number): number {
	let at = from;
	while (at < until) {
		const rest = text.slice(at);
		const blank = /^[^\S\n]*(#[^\n]*)?(\r?\n|$)/.exec(rest);
		if (!blank || blank[0] === "") break;
		at += blank[0].length;
	}
	return at + (/^[^\S\n]*/.exec(text.slice(at))?.[0].length ?? 0);
}

function flowRemoval({ text }: YamlDocument, list: YAMLSeq.Parsed, index: number): Splice[] {
	const node = list.items[index] as ParsedNode;
	const own = { start: node.range[0], end: endOf(node), text: "" };
	const after = commaAfter(text, endOf(node), list.range[1]);
	if (after !== undefined) return [own, { start: after, end: after + 1, text: "" }];
	const previous = list.items[index - 1] as ParsedNode | undefined;
	const before = previous && commaAfter(text, endOf(previous), node.range[0]);
	return before === undefined ? [own] : [own, { start: before, end: before + 1, text: "" }];
}

function commaAfter(text: string, from: number, until: number): number | undefined {
	let at = from;
	while (at < until) {
		const gap = /^(\s+|#[^\n]*)/.exec(text.slice(at, until));
		if (!gap) break;
		at += gap[0].length;
	}
	return text[at] === "," ? at : undefined;
}
