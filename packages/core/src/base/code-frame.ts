import { displayLine } from "./display-line.ts";
import { redactInPlace } from "./redact.ts";
import type { SourceRange } from "./source-range.ts";

export interface CodeFrameOptions {
	/** Lines shown above and below; default 2. */
	readonly context?: number;
	/** Terminal columns; longer lines are cut around the range. Default 100. */
	readonly width?: number;
}

/**
 * Returns the lines around `range` in `text`, numbered, with carets under it:
 *
 *     "  3 | a: 1"
 *     "> 4 | b: x"
 *     "    |    ^"
 *
 * Plain text without colors. Control characters are made visible and credentials are redacted. Only
 * the first line of the range gets carets.
 */
export function codeFrame(text: string, range: SourceRange, options: CodeFrameOptions = {}): string[] {
	const { context = 2, width = 100 } = options;
	const offset = Math.min(range.start.offset, text.length);
	const lines = linesAround(text, offset, context);
	const target = lines.findIndex((line) => line.marked);
	const gutter = String(range.start.line + lines.length - 1 - target).length;
	return lines.flatMap((line, index) => {
		const number = String(range.start.line + index - target).padStart(gutter);
		const source = redactedLine(text, line);
		if (!line.marked) return [joined(`  ${number} | `, clipped(source, 0, width).text)];
		const column = offset - line.start;
		const { text: shown, from, columns } = clipped(source, column, width);
		const last = Math.max(Math.min(range.end.offset, line.end) - line.start, column);
		const start = (columns[column - from] ?? 0) + (from > 0 ? 1 : 0);
		const end = (columns[Math.min(last - from, columns.length - 1)] ?? 0) + (from > 0 ? 1 : 0);
		const carets = " ".repeat(start) + "^".repeat(Math.max(1, Math.min(end, width) - start));
		return [joined(`> ${number} | `, shown), joined(`  ${" ".repeat(gutter)} | `, carets)];
	});
}

/** Caches redacted long lines of the last text: one can have a hundred findings. */
let redactedLines: { readonly text: string; readonly shown: Map<number, string> } = { text: "", shown: new Map() };

function redactedLine(text: string, { start, end }: Line): string {
	if (end - start < 1_000) return redactInPlace(text.slice(start, end));
	if (redactedLines.text !== text) redactedLines = { text, shown: new Map() };
	const shown = redactedLines.shown.get(start) ?? redactInPlace(text.slice(start, end));
	redactedLines.shown.set(start, shown);
	return shown;
}

function joined(prefix: string, text: string): string {
	return (prefix + text).trimEnd();
}

interface Line {
	readonly start: number;
	readonly end: number;
	readonly marked: boolean;
}

/** Returns the offsets, without line breaks, of the line at `offset` and its neighbors. */
function linesAround(text: string, offset: number, context: number): Line[] {
	const lineStart = (at: number) => (at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1);
	let start = lineStart(offset);
	const marked = start;
	for (let count = 0; count < context && start > 0; count++) start = lineStart(start - 1);
	const lines: Line[] = [];
	for (let after = 0; after <= context; ) {
		const newline = text.indexOf("\n", start);
		const end = newline === -1 ? text.length : newline;
		const first = start === 0 && text.startsWith("\uFEFF") ? 1 : start;
		lines.push({ start: first, end: end > first && text[end - 1] === "\r" ? end - 1 : end, marked: start === marked });
		if (start >= marked) after++;
		// The empty line after the last line break isn't one that the user wrote.
		if (newline === -1 || (end + 1 === text.length && end + 1 > offset)) break;
		start = end + 1;
	}
	return lines;
}

/** Returns the part of `line` around the unit `column` that fits `width`. */
function clipped(line: string, column: number, width: number) {
	const cutBefore = column > width * 0.75 && line.length > width;
	const from = cutBefore ? wholeCharacter(line, Math.max(0, column - Math.floor(width / 2))) : 0;
	// Cut a window of units first: a line can be megabytes long.
	const window = displayLine(line.slice(from, wholeCharacter(line, from + width)));
	const room = width - (from > 0 ? 1 : 0);
	const wide = (window.columns.at(-1) ?? 0) > room || from + window.columns.length - 1 < line.length;
	const body = wide ? cutColumns(window.text, room - 1) : window.text;
	return { text: `${from > 0 ? "…" : ""}${body}${wide ? "…" : ""}`, from, columns: window.columns };
}

/** Returns `at`, or one less if that would split a surrogate pair. */
function wholeCharacter(line: string, at: number): number {
	return /[\uDC00-\uDFFF]/.test(line[at] ?? "") ? at - 1 : at;
}

function cutColumns(text: string, width: number): string {
	const { columns } = displayLine(text);
	let end = columns.findIndex((column) => column > width) - 1;
	if (end < 0) end = text.length;
	return text.slice(0, wholeCharacter(text, end));
}
