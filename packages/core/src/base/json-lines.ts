import { type Diagnostic, finding, type Place } from "./diagnostic.ts";
import { nestsDeeper } from "./json-depth.ts";
import { numberWithLeadingZero, spellingOf } from "./json-scan.ts";
import { readJson } from "./read-json.ts";
import type { OffsetRange } from "./scan-references.ts";
import type { SourcePosition, SourceRange } from "./source-range.ts";
import { parseYaml, yamlSyntax } from "./yaml-document.ts";
import { exceedsBytes, type YamlLimits, yamlLimit, yamlLimits } from "./yaml-limits.ts";

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
