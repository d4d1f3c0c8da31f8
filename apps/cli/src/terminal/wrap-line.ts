import type { Output } from "../context.ts";
import { widthOf, wrapWords } from "./wrap-words.ts";

const indent = "    ";

/**
 * Wraps a sentence (with colours) to the terminal's width, continuation lines indented. Output other than to a terminal
 * stays on one line, so that it can be searched.
 */
export function wrapLine(line: string, { isTTY, columns }: Pick<Output, "isTTY" | "columns">): string {
	if (!isTTY || widthOf(line) <= columns) return line;
	const text = line.trimStart();
	const before = line.length - text.length;
	return line.slice(0, before) + wrapWords(text, columns, { indent, before });
}
