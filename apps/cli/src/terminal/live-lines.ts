import type { Output } from "../context.ts";

/** A few lines at the bottom of a terminal that are redrawn in place. */
export interface LiveLines {
	draw(lines: readonly string[]): void;
	clear(): void;
}

const pauseMs = 80;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
const styling = /\u001b\[\d*m/g;

/** Draws at most 12 times a second, and cuts lines to the terminal's width. */
export function liveLines(output: Output): LiveLines {
	let shown = 0;
	let next: readonly string[] | undefined;
	let timer: NodeJS.Timeout | undefined;
	// From the first column, because the terminal echoes Ctrl-C.
	const erase = () => (shown === 0 ? "" : `\r\u001b[${shown}A\u001b[J`);
	const flush = () => {
		timer = undefined;
		if (!next) return;
		const lines = next.map((line) => cut(line, output.columns - 1));
		(output.steer ?? output.write)(erase());
		output.write(lines.map((line) => `${line}\n`).join(""));
		shown = lines.length;
		next = undefined;
	};
	return {
		draw(lines) {
			next = lines;
			timer ??= setTimeout(flush, pauseMs);
		},
		clear() {
			clearTimeout(timer);
			(output.steer ?? output.write)(erase());
			shown = 0;
			next = undefined;
		},
	};
}

function cut(line: string, width: number): string {
	if (line.replace(styling, "").length <= width) return line;
	return `${line.replace(styling, "").slice(0, Math.max(0, width - 1))}…`;
}
