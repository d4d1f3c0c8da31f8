import type { Colors } from "./colors.ts";

/** A stretch of a text: 1-based line and columns; `endColumn` is exclusive and on the same line. */
export interface Spot {
	readonly line: number;
	readonly column: number;
	readonly endColumn?: number;
}

const context = 1;
const widest = 160;

/** The lines around `spot` of `text`, numbered, with marks under the spot; "" if the text has no such line. */
export function codeFrame(text: string, spot: Spot, colors: Colors): string {
	const lines = text.split(/\r?\n/);
	if (lines[spot.line - 1] === undefined) return "";
	const first = Math.max(1, spot.line - context);
	const last = Math.min(lines.length, spot.line + context);
	const gutter = String(last).length;
	const framed: string[] = [];
	for (let number = first; number <= last; number++) {
		const line = shown(lines[number - 1] ?? "");
		framed.push(`${colors.dim(`${String(number).padStart(gutter)} |`)} ${line}`.trimEnd());
		if (number === spot.line) framed.push(`${colors.dim(`${" ".repeat(gutter)} |`)} ${marks(line, spot, colors)}`);
	}
	return framed.join("\n");
}

function marks(line: string, { column, endColumn = column + 1 }: Spot, colors: Colors): string {
	const before = line.slice(0, column - 1).replace(/\S/g, " ");
	const length = Math.max(1, Math.min(endColumn, line.length + 1) - column);
	return before.padEnd(Math.min(column - 1, widest)) + colors.red("^".repeat(length));
}

/** A line as a terminal may show it: not over-long, and no control characters that could steer it. */
function shown(line: string): string {
	const safe = line.replace(/[^\P{Cc}\t]/gu, "\ufffd");
	return safe.length > widest ? `${safe.slice(0, widest - 1)}…` : safe;
}
