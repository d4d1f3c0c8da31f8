import { redactInPlace } from "./redact.ts";

interface CodeFrameOptions {
	/** Lines above and below; default 2. */
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

function clipped(line: string, column: number, width: number) {
	const cutBefore = column > width * 0.75 && line.length > width;
	const from = cutBefore ? wholeCharacter(line, Math.max(0, column - Math.floor(width / 2))) : 0;
	// First cuts a window of units, because a line can be megabytes long.
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

/** 1-based line and column (UTF-16 units, without a byte order mark), 0-based offset. */
export interface SourcePosition {
	readonly line: number;
	readonly column: number;
	readonly offset: number;
}

/** `end` is the position after the last character. */
export interface SourceRange {
	readonly start: SourcePosition;
	readonly end: SourcePosition;
}

export class LineIndex {
	readonly #text: string;
	#starts: number[] | undefined;

	constructor(text: string) {
		this.#text = text;
	}

	positionAt(offset: number): SourcePosition {
		const at = Math.max(0, Math.min(offset, this.#text.length));
		this.#starts ??= lineStarts(this.#text);
		const line = lastAtOrBefore(this.#starts, at);
		const start = this.#starts[line] ?? 0;
		return { line: line + 1, column: Math.max(at - start, 0) + 1, offset: at };
	}

	range(start: number, end: number): SourceRange {
		return { start: this.positionAt(start), end: this.positionAt(end) };
	}
}

function lineStarts(text: string): number[] {
	const starts = [text.startsWith("\uFEFF") ? 1 : 0];
	for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
	return starts;
}

function lastAtOrBefore(starts: readonly number[], offset: number): number {
	let low = 0;
	let high = starts.length - 1;
	while (low < high) {
		const middle = (low + high + 1) >> 1;
		if ((starts[middle] ?? 0) <= offset) low = middle;
		else high = middle - 1;
	}
	return low;
}

function characterWidth(character: string): 0 | 1 | 2 {
	if (character < "\u0300") return 1;
	if (/\p{M}|\p{Default_Ignorable_Code_Point}/u.test(character)) return 0;
	return /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u.test(
		character,
	)
		? 2
		: 1;
}

const tabStop = 4;

const unshown =
	/[\p{Cc}\p{Surrogate}\u061c\u2028\u2029\ufff9-\ufffb]|(?!\u200c|\u200d|[\ufe00-\ufe0f])\p{Default_Ignorable_Code_Point}/u;

/** `columns` are those before each UTF-16 unit of the source, and at its end. */
function displayLine(line: string): { readonly text: string; readonly columns: readonly number[] } {
	let text = "";
	let column = 0;
	const columns: number[] = [];
	for (const character of line) {
		for (let unit = 0; unit < character.length; unit++) columns.push(column);
		let shown = character;
		if (character === "\t") shown = " ".repeat(tabStop - (column % tabStop));
		else if (unshown.test(character)) shown = picture(character) ?? "\ufffd";
		text += shown;
		column += shown === character ? characterWidth(character) : shown.length;
	}
	columns.push(column);
	return { text, columns };
}

function picture(character: string): string | undefined {
	const code = character.codePointAt(0) ?? 0;
	if (code < 0x20) return String.fromCodePoint(0x2400 + code);
	return code === 0x7f ? "\u2421" : undefined;
}

/**
 * Matches characters that act instead of being shown, or are invisible: controls (C0 and C1, which
 * begin escape sequences), marks that reverse text, zero-width and tag characters. A joiner between
 * emoji, or within the scripts that need it, is part of the text.
 */
const steering =
	/[^\P{Cc}\n\t]|[\u2028\u2029\ufff9-\ufffb\u061c\u180e]|(?!\u200c|\u200d|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}])\p{Default_Ignorable_Code_Point}|(?<![\u0600-\u0dff])\u200c|\u200c(?![\u0600-\u0dff])|(?<![\u0600-\u0dff]|\ufe0f|[\u{1f3fb}-\u{1f3ff}]|\p{Extended_Pictographic})\u200d|\u200d(?![\u0600-\u0dff\p{Extended_Pictographic}])/gu;

/**
 * Keeps newlines and tabs; `\r\n` becomes `\n`. Every other character that could control the
 * terminal, reorder its text or hide becomes visible (`␛` for escape, or `\u{…}`).
 */
export function terminalSafe(text: string): string {
	return neutral(text.replaceAll("\r\n", "\n"), visible);
}

/** Like `terminalSafe`, but also makes newlines and tabs visible. */
export function terminalSafeLine(text: string): string {
	return terminalSafe(text).replace(/[\n\t]/g, visible);
}

/** Replaces the characters that act instead of being shown. */
export function neutral(text: string, replace: (character: string) => string): string {
	return text.replace(steering, replace);
}

function visible(character: string): string {
	return picture(character) ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
