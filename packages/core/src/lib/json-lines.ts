import type { SourcePosition, SourceRange } from "./code-frame.ts";
import { type Diagnostic, finding, type Place } from "./errors.ts";
import { nestsDeeper, readJson } from "./json.ts";
import type { OffsetRange } from "./template-text.ts";
import { parseYaml, yamlSyntax } from "./yaml-document.ts";
import { exceedsBytes, type YamlLimits, yamlLimit, yamlLimits } from "./yaml-value.ts";

export interface JsonLine {
	/** 1-based. */
	readonly line: number;
	readonly value: unknown;
	/** Offsets of the line in the whole text, without its line break. */
	readonly range: OffsetRange;
	/** Numbers that `String` would spell differently, as written, by their path joined with NUL. */
	readonly spelled: ReadonlyMap<string, string>;
}

/**
 * Parses one JSON value per line; blank lines are skipped. A line that is not JSON, repeats a key
 * in a mapping, or exceeds the limits of a document becomes a diagnostic with its line and range;
 * the other lines are still returned.
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
 * Returns the lines and columns of `place` in the line `row` of `text`: its path is relative to
 * that line's value, its range contains offsets in `text`. Re-parses that line. Without a row (the
 * line could not be parsed) the range is used.
 */
export function locateInLine(text: string, row: JsonLine | undefined, place: Place): SourceRange {
	const line = row?.line ?? place.line ?? 1;
	if (place.range !== undefined || row === undefined) {
		const offsets = place.range ?? [0, 0];
		const start = Math.max(text.lastIndexOf("\n", offsets[0] - 1) + 1, text.startsWith("\uFEFF") ? 1 : 0);
		return rangeInLine(start, line, offsets);
	}
	const [start, end] = row.range;
	const within = parseYaml(text.slice(start, end), place.file).offsetsOf(place.path ?? [], place.part);
	return rangeInLine(start, line, [start + within[0], start + within[1]]);
}

function rangeInLine(lineStart: number, line: number, [start, end]: OffsetRange): SourceRange {
	const position = (offset: number): SourcePosition => ({
		line,
		column: Math.max(offset - lineStart, 0) + 1,
		offset,
	});
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

/** What `JSON.parse` does not report about a JSON text. */
export interface JsonSpelling {
	/** The second occurrence of the first duplicate key in a mapping. */
	readonly duplicate?: { readonly key: string; readonly range: OffsetRange };
	/** Numbers that `String` would spell differently (`3.10`, `1e3`), by path joined with NUL. */
	readonly spelled: ReadonlyMap<string, string>;
}

const none: ReadonlyMap<string, string> = new Map();
const [quote, backslash, comma, openList, closeList, openMap, closeMap, minus, zero, nine] = [
	34, 92, 44, 91, 93, 123, 125, 45, 48, 57,
] as const;

interface Holder {
	/** Keys seen so far; undefined for a list. */
	readonly keys: Set<string> | undefined;
	key: string | number;
}

/** Scans a text that `JSON.parse` accepts. */
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

/** Decodes a key: `"a"` and `"\u0061"` are the same one. */
function keyOf(source: string): string {
	return source.includes("\\") ? (JSON.parse(source) as string) : source.slice(1, -1);
}

/** Returns the offset and text of a number with a leading 0, which JSON does not allow. */
function numberWithLeadingZero(
	source: string,
	near: number,
): { readonly text: string; readonly offset: number } | undefined {
	const start = source.slice(0, near).search(/(?:-|(?<![-\d]))\d+$/);
	const offset = start === -1 ? near : start;
	const text = /^-?0\d[\d.eE+-]*/.exec(source.slice(offset))?.[0];
	return text === undefined ? undefined : { text, offset };
}
