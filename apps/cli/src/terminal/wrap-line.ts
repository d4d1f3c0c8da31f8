import { characterWidth } from "@agentv/core";
import type { Output } from "../context.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
const styling = /\u001b\[\d*m/g;

/**
 * A sentence (colours and all) broken at blanks where the terminal ends, its further lines indented by `indent`. What goes
 * elsewhere than to a terminal stays one line, for whoever searches in it.
 */
export function wrapLine(line: string, output: Pick<Output, "isTTY" | "columns">, indent = "    "): string {
	if (!output.isTTY || widthOf(line) <= output.columns) return line;
	const lines: string[] = [];
	let current = "";
	for (const piece of line.split(/(?<=\S)(?= )/)) {
		if (current.trim() !== "" && widthOf(current + piece) > output.columns) {
			lines.push(current);
			current = indent + piece.trimStart();
		} else current += piece;
	}
	return [...lines, current].join("\n");
}

function widthOf(text: string): number {
	let width = 0;
	for (const character of text.replace(styling, "")) width += characterWidth(character);
	return width;
}
