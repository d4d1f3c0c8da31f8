import type { SourceRange } from "./code-frame.ts";
import { type Diagnostic, type DocumentPath, finding, type Place } from "./errors.ts";
import { BraceMatches } from "./glob.ts";
import { mapLeaves, type OffsetRange } from "./interpolate.ts";
import { lineStart, parseYaml, yamlSyntax } from "./yaml-document.ts";
import { exceedsBytes, type YamlLimits, yamlLimit, yamlLimits } from "./yaml-value.ts";

/** Identical for equal values: keys sorted by UTF-16 units, undefined omitted, no whitespace. */
export function canonicalJson(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(",")}]`;
	if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
	const object = value as Record<string, unknown>;
	if (typeof object.toJSON === "function") return canonicalJson(object.toJSON());
	const parts: string[] = [];
	for (const key of Object.keys(object).sort()) {
		const item = object[key];
		if (item !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(item)}`);
	}
	return `{${parts.join(",")}}`;
}

/** Serializing uses stack for each level, and records add a few more. */
export const deepestJson = 500;

export function nestsDeeper(value: unknown, deepest: number = deepestJson): boolean {
	if (typeof value !== "object" || value === null) return false;
	return deepest === 0 || Object.values(value).some((item) => nestsDeeper(item, deepest - 1));
}

/** If the text is invalid, `offset` is that of the invalid character. */
export type JsonReading = { readonly value: unknown } | { readonly reason: string; readonly offset: number };

/** A record adds a few levels around a value from another program. */
const deepestRecord = deepestJson + 100;

/** The reason is the engine's, without its position. */
export function readJson(source: string, deepest = deepestRecord): JsonReading {
	try {
		const value: unknown = JSON.parse(source);
		// Each level takes two brackets, so most texts are too short to need the check.
		if (source.length <= 2 * deepest || !nestsDeeper(value, deepest)) return { value };
		return { reason: `more than ${deepest} levels of values`, offset: 0 };
	} catch (error) {
		return problem(source, error instanceof Error ? error.message : String(error));
	}
}

/** Models often wrap JSON in a code fence. */
export function withoutFence(text: string): string {
	const trimmed = text.trim();
	const opening = /^```(?:json)?\s*\n/.exec(trimmed)?.[0].length ?? trimmed.length;
	if (!trimmed.endsWith("```") || trimmed.length < opening + 3) return text;
	return trimmed.slice(opening, -3);
}

function problem(source: string, message: string): JsonReading {
	const reason = message
		.replace(/ in JSON at position \d+[\s\S]*$/, "")
		.replace(/, (\.\.\.)?"[\s\S]*$/, "")
		.replace(/ of JSON input$/, " of the text");
	return { reason, offset: offsetOf(source, message) };
}

/** Engines omit the offset in some messages; then it is the end of the shortest invalid prefix. */
function offsetOf(source: string, message: string): number {
	const position = positionIn(message);
	if (position !== undefined) return Math.min(position, source.length);
	if (isIncomplete(message, source.length)) return source.length;
	let incomplete = 0;
	let failing = source.length;
	while (failing - incomplete > 1) {
		const middle = (incomplete + failing) >> 1;
		const reason = failure(source.slice(0, middle));
		if (reason === undefined || isIncomplete(reason, middle)) incomplete = middle;
		else failing = middle;
	}
	return failing - 1;
}

function isIncomplete(message: string, length: number): boolean {
	return /end of JSON input|Unterminated string/.test(message) || positionIn(message) === length;
}

function positionIn(message: string): number | undefined {
	const digits = /in JSON at position (\d+)/.exec(message)?.[1];
	return digits === undefined ? undefined : Number(digits);
}

function failure(source: string): string | undefined {
	try {
		JSON.parse(source);
		return undefined;
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
}

export const jsonNumber = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** Spells numbers as in the source, so that `3.10` and integers beyond 2^53 keep their digits. */
export function writtenJson(value: unknown, written: (path: DocumentPath) => string | undefined, indent = 0): string {
	const path: (string | number)[] = [];
	const inner = (key: string | number, item: unknown): string => {
		path.push(key);
		const text = print(item);
		path.pop();
		return text;
	};
	const print = (item: unknown): string => {
		if (typeof item === "number") {
			const text = written(path);
			return text !== undefined && jsonNumber.test(text) ? text : JSON.stringify(item);
		}
		if (typeof item !== "object" || item === null) return JSON.stringify(item) ?? "null";
		const isList = Array.isArray(item);
		const entries = isList
			? item.map((entry, index) => inner(index, entry))
			: Object.entries(item).map(
					([key, entry]) => `${JSON.stringify(key)}:${indent > 0 ? " " : ""}${inner(key, entry)}`,
				);
		const [open, close] = isList ? ["[", "]"] : ["{", "}"];
		if (entries.length === 0) return `${open}${close}`;
		if (indent === 0) return `${open}${entries.join(",")}${close}`;
		const lines = entries.map((entry) => `${" ".repeat(indent)}${entry.replaceAll("\n", `\n${" ".repeat(indent)}`)}`);
		return `${open}\n${lines.join(",\n")}\n${close}`;
	};
	return print(value);
}

/** Returns numbers that a double can't represent as text: a rounded id could be another one's. */
export function exactData<Value>(value: Value, written: (path: DocumentPath) => string | undefined): Value {
	return mapLeaves(value, (item, path) => {
		if (typeof item !== "number") return item;
		const isExact = Number.isInteger(item) === Number.isSafeInteger(item) && Number.isFinite(item);
		const text = isExact ? undefined : written(path);
		return text !== undefined && !holds(item, text) ? text : item;
	}) as Value;
}

/** Powers of ten are rounded on purpose. */
function holds(value: number, text: string): boolean {
	if (!Number.isFinite(value)) return false;
	const [, whole, fraction] = /^([-+]?\d+)(?:\.(\d*))?$/.exec(text) ?? [];
	return whole === undefined || (BigInt(whole) === BigInt(value) && !/[1-9]/.test(fraction ?? ""));
}

export interface FoundValue {
	readonly kind: "object" | "array" | "too deep" | "unreadable";
	readonly start: number;
	readonly end: number;
	/** Absent if the text is unreadable or nests too deeply. */
	readonly value?: unknown;
	/** Only those at the first level of an object. */
	readonly duplicates?: readonly string[];
}

/**
 * Finds the top-level objects and arrays in other text, in order. Values nested in another value
 * are not returned, even if the outer one can't be parsed. Text in brackets counts only if it is
 * JSON that fills whole lines or contains an object: logs are full of `[INFO]`. Takes linear time.
 * @param unclosed what an object that is neither JSON nor ever closed hides: everything up to a
 * line that begins with a brace (truncated program output), or nothing (a brace in prose)
 */
export function findJsonValues(text: string, unclosed: "hides lines" | "is prose" = "hides lines"): FoundValue[] {
	const values: FoundValue[] = [];
	const opener = /[{[]/g;
	let matches: BraceMatches | undefined;
	let reread = 0;
	for (let at = 0; at < text.length; ) {
		opener.lastIndex = at;
		const start = opener.exec(text)?.index;
		if (start === undefined) break;
		const scan = scanJson(text, start);
		const isArray = text[start] === "[";
		if (scan.kind === "complete") {
			at = scan.end;
			if (isArray && !text.slice(start, at).includes("{") && !fillsLines(text, start, at)) continue;
			const value: unknown = JSON.parse(text.slice(start, at));
			if (nestsDeeper(value)) values.push({ kind: "too deep", start, end: at });
			else values.push({ kind: isArray ? "array" : "object", start, end: at, value, duplicates: scan.duplicates });
			continue;
		}
		if (isArray) {
			const end = scan.kind === "cut" ? text.length : scan.at;
			const holdsObject = text.slice(start, end).includes("{");
			if (holdsObject || (scan.kind === "cut" && beginsLine(text, start)))
				values.push({ kind: "unreadable", start, end });
			at = end;
			continue;
		}
		if (scan.kind === "cut") at = text.length;
		else {
			matches ??= new BraceMatches(text);
			const closing = matches.closing(start);
			if (closing !== undefined) at = Math.max(closing + 1, scan.at);
			else if (unclosed === "hides lines") at = nextLineWithBrace(text, scan.at);
			else {
				// What looked like a key can be prose: scan it again while that stays linear.
				reread += scan.at - start;
				at = reread < 10 * text.length ? start + 1 : scan.at;
			}
		}
		values.push({ kind: "unreadable", start, end: at });
	}
	return values;
}

/** An object that is never closed hides what follows, up to a line that begins with a brace. */
function nextLineWithBrace(text: string, from: number): number {
	const next = text.indexOf("\n{", from - 1);
	return next === -1 ? text.length : next + 1;
}

function beginsLine(text: string, start: number): boolean {
	return /(^|[\n\r])[ \t\ufeff]*$/.test(text.slice(Math.max(0, start - 80), start));
}

function fillsLines(text: string, start: number, end: number): boolean {
	return beginsLine(text, start) && /^[ \t]*(?:[\n\r]|$)/.test(text.slice(end, end + 80));
}

type JsonScan =
	| { readonly kind: "complete"; readonly end: number; readonly duplicates: readonly string[] }
	/** The text ends inside the value. */
	| { readonly kind: "cut" }
	/** The character at `at` is not allowed there. */
	| { readonly kind: "wrong"; readonly at: number };

type Expected = "value" | "value or end" | "key" | "key or end" | "colon" | "comma or end";

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const blanks = /[ \t\n\r]*/y;

/** Works without recursion, so that depth uses no stack. */
export function scanJson(text: string, start: number): JsonScan {
	const open: string[] = [];
	const keys = new Set<string>();
	const duplicates: string[] = [];
	let expected: Expected = "value";
	for (let at = start; ; ) {
		blanks.lastIndex = at;
		blanks.test(text);
		at = blanks.lastIndex;
		const next = text[at];
		if (next === undefined) return { kind: "cut" };
		if ((next === "}" && allowsEnd(expected, open, "{")) || (next === "]" && allowsEnd(expected, open, "["))) {
			open.pop();
			at += 1;
			if (open.length === 0) return { kind: "complete", end: at, duplicates };
			expected = "comma or end";
		} else if (expected === "colon" || expected === "comma or end") {
			if (next !== (expected === "colon" ? ":" : ",")) return { kind: "wrong", at };
			expected = expected === "colon" || open.at(-1) === "[" ? "value" : "key";
			at += 1;
		} else if (next === '"') {
			const end = stringEnd(text, at);
			if (end < 0) return end === cutString ? { kind: "cut" } : { kind: "wrong", at: -end };
			const isKey: boolean = expected === "key" || expected === "key or end";
			if (isKey && open.length === 1) {
				const key = JSON.parse(text.slice(at, end)) as string;
				if (keys.has(key)) duplicates.push(key);
				keys.add(key);
			}
			expected = isKey ? "colon" : "comma or end";
			at = end;
		} else if (expected === "key" || expected === "key or end") {
			return { kind: "wrong", at };
		} else if (next === "{" || next === "[") {
			open.push(next);
			expected = next === "{" ? "key or end" : "value or end";
			at += 1;
		} else {
			const end = scalarEnd(text, at);
			if (end === at) return { kind: "wrong", at };
			expected = "comma or end";
			at = end;
		}
	}
}

function allowsEnd(expected: Expected, open: readonly string[], container: "{" | "["): boolean {
	if (open.at(-1) !== container) return false;
	return expected === "comma or end" || expected === (container === "{" ? "key or end" : "value or end");
}

const cutString = Number.NEGATIVE_INFINITY;

/** Returns `cutString` if truncated, or the negated offset of an invalid character. */
function stringEnd(text: string, start: number): number {
	for (let at = start + 1; at < text.length; at += 1) {
		const code = text.charCodeAt(at);
		if (code === 0x22) return at + 1;
		if (code < 0x20) return -at;
		if (code !== 0x5c) continue;
		at += 1;
		if (at >= text.length) break;
		const escaped = text[at] ?? "";
		if (escaped === "u") {
			const digits = text.slice(at + 1, at + 5);
			if (!/^[0-9a-fA-F]{4}$/.test(digits)) return at + 5 > text.length ? cutString : -at;
			at += 4;
		} else if (!'"\\/bfnrt'.includes(escaped)) return -at;
	}
	return cutString;
}

/** Returns `start` if there is neither a number nor a literal. */
function scalarEnd(text: string, start: number): number {
	for (const literal of ["true", "false", "null"]) if (text.startsWith(literal, start)) return start + literal.length;
	number.lastIndex = start;
	return number.test(text) ? number.lastIndex : start;
}

export interface JsonLine {
	readonly line: number;
	readonly value: unknown;
	/** In the whole text, without the line break. */
	readonly range: OffsetRange;
	/** Numbers that `String` would spell differently, as written, by their path joined with NUL. */
	readonly spelled: ReadonlyMap<string, string>;
}

/**
 * Skips blank lines. A line that is not JSON, repeats a key in a mapping, or exceeds the limits of
 * a document becomes a diagnostic with its line and range; the other lines are still returned.
 */
export function parseJsonLines(text: string, file: string): { rows: JsonLine[]; diagnostics: Diagnostic[] } {
	const rows: JsonLine[] = [];
	const diagnostics: Diagnostic[] = [];
	let line = 0;
	for (const range of lineRanges(text)) {
		line++;
		const source = text.slice(...range);
		if (source.trim() === "") continue;
		// Deep values get their own diagnostic below.
		const read = readJson(source, Number.POSITIVE_INFINITY);
		if (!("value" in read)) {
			diagnostics.push(syntaxFinding(source, read, { file, line, range }));
			continue;
		}
		const limit = exceededLimit(source, read.value, yamlLimits);
		if (limit !== undefined) {
			diagnostics.push(finding(yamlLimit, { limit, allowed: yamlLimits[limit] }, { file, line, range }));
			continue;
		}
		const { duplicate, spelled } = spellingOf(source);
		if (duplicate === undefined) rows.push({ line, value: read.value, range, spelled });
		else {
			const [start, end] = duplicate.range;
			const reason = `The key ${JSON.stringify(duplicate.key)} is duplicated in this mapping`;
			const at = { file, line, range: [range[0] + start, range[0] + end] } as const;
			diagnostics.push(finding(yamlSyntax, { reason }, at));
		}
	}
	return { rows, diagnostics };
}

function syntaxFinding(
	source: string,
	read: { readonly reason: string; readonly offset: number },
	{ file, line, range }: { readonly file: string; readonly line: number; readonly range: OffsetRange },
): Diagnostic {
	const zero = numberWithLeadingZero(source, read.offset);
	const reason = zero
		? `Not JSON: the number ${zero.text} at column ${zero.offset + 1} has a leading 0; write "${zero.text}" to keep it as text`
		: `Not JSON: ${read.reason} at column ${read.offset + 1}`;
	const start = range[0] + (zero?.offset ?? read.offset);
	const end = Math.min(start + (zero?.text.length ?? 1), range[1]);
	return finding(yamlSyntax, { reason }, { file, line, range: [start, end] });
}

/**
 * Locates `place` in the line `row` of `text`: its path is relative to that line's value, its
 * range contains offsets in `text`. Parses that line again. Without a row (the line could not be
 * parsed) the range is used.
 */
export function locateInLine(text: string, row: JsonLine | undefined, place: Place): SourceRange {
	const line = row?.line ?? place.line ?? 1;
	if (place.range !== undefined || row === undefined) {
		const offsets = place.range ?? [0, 0];
		return rangeInLine(lineStart(text, offsets[0]), line, offsets);
	}
	const [start, end] = row.range;
	const within = parseYaml(text.slice(start, end), place.file).offsetsOf(place.path ?? [], place.part);
	return rangeInLine(start, line, [start + within[0], start + within[1]]);
}

function rangeInLine(from: number, line: number, [start, end]: OffsetRange): SourceRange {
	const position = (offset: number) => ({ line, column: Math.max(offset - from, 0) + 1, offset });
	return { start: position(start), end: position(end) };
}

function* lineRanges(text: string): Generator<OffsetRange> {
	let start = text.startsWith("\uFEFF") ? 1 : 0;
	while (start <= text.length) {
		const newline = text.indexOf("\n", start);
		const next = newline === -1 ? text.length : newline;
		yield [start, next > start && text[next - 1] === "\r" ? next - 1 : next];
		start = next + 1;
	}
}

function exceededLimit(source: string, value: unknown, limits: YamlLimits): "bytes" | "depth" | undefined {
	if (exceedsBytes(source, limits.bytes)) return "bytes";
	// Each level takes two brackets, so most lines are too short to need the check.
	return source.length > 2 * limits.depth && nestsDeeper(value, limits.depth) ? "depth" : undefined;
}

/** What `JSON.parse` does not report. */
interface JsonSpelling {
	/** Only the first in the text; `range` is that of its second occurrence. */
	readonly duplicate?: { readonly key: string; readonly range: OffsetRange };
	/** Numbers that `String` would spell differently (`3.10`, `1e3`), by path joined with NUL. */
	readonly spelled: ReadonlyMap<string, string>;
}

const none: ReadonlyMap<string, string> = new Map();
const [quote, backslash, comma, openList, closeList, openMap, closeMap, minus, zero, nine] = [
	34, 92, 44, 91, 93, 123, 125, 45, 48, 57,
] as const;

interface Holder {
	/** Undefined for a list. */
	readonly keys: Set<string> | undefined;
	key: string | number;
}

export function spellingOf(text: string): JsonSpelling {
	const holders: Holder[] = [];
	let spelled: Map<string, string> | undefined;
	let duplicate: JsonSpelling["duplicate"];
	let expectsKey = false;
	let at = 0;
	while (at < text.length) {
		const code = text.charCodeAt(at);
		const holder = holders.at(-1);
		if (code === quote) {
			const end = endOfString(text, at);
			if (expectsKey && holder?.keys) {
				const key = keyOf(text.slice(at, end));
				if (holder.keys.has(key)) duplicate ??= { key, range: [at, end] };
				holder.keys.add(key);
				holder.key = key;
				expectsKey = false;
			}
			at = end;
		} else if (code === openMap) {
			holders.push({ keys: new Set(), key: "" });
			expectsKey = true;
			at++;
		} else if (code === openList) {
			holders.push({ keys: undefined, key: 0 });
			expectsKey = false;
			at++;
		} else if (code === closeMap || code === closeList) {
			holders.pop();
			expectsKey = false;
			at++;
		} else if (code === comma) {
			expectsKey = holder?.keys !== undefined;
			if (typeof holder?.key === "number") holder.key++;
			at++;
		} else if (code === minus || (code >= zero && code <= nine)) {
			const end = endOfNumber(text, at);
			const source = text.slice(at, end);
			if (source.length > 1 && String(Number(source)) !== source) {
				spelled ??= new Map();
				spelled.set(holders.map(({ key }) => key).join("\0"), source);
			}
			at = end;
		} else at++;
	}
	return { spelled: spelled ?? none, ...(duplicate ? { duplicate } : {}) };
}

function endOfString(text: string, start: number): number {
	for (let at = start + 1; at < text.length; at++) {
		const code = text.charCodeAt(at);
		if (code === backslash) at++;
		else if (code === quote) return at + 1;
	}
	return text.length;
}

function endOfNumber(text: string, start: number): number {
	let at = start + 1;
	while (at < text.length && /[\d.eE+-]/.test(text[at] ?? "")) at++;
	return at;
}

/** `"a"` and `"\u0061"` are the same key. */
function keyOf(source: string): string {
	return source.includes("\\") ? (JSON.parse(source) as string) : source.slice(1, -1);
}

function numberWithLeadingZero(
	source: string,
	near: number,
): { readonly text: string; readonly offset: number } | undefined {
	const start = source.slice(0, near).search(/(?:-|(?<![-\d]))\d+$/);
	const offset = start === -1 ? near : start;
	const text = /^-?0\d[\d.eE+-]*/.exec(source.slice(offset))?.[0];
	return text === undefined ? undefined : { text, offset };
}

type Defined<T> = { [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & {
	[Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>;
};

export function omitUndefined<T extends object>(object: T): Defined<T> {
	return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}
