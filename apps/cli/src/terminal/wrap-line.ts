import type { Output } from "../context.ts";
import { widthOf, wrapWords } from "./wrap-words.ts";

const indent = "    ";

/**
 * A sentence (colours and all) broken between words where the terminal ends, its further lines indented. What goes elsewhere than
 * to a terminal stays one line, for whoever searches in it.
 */
export function wrapLine(line: string, { isTTY, columns }: Pick<Output, "isTTY" | "columns">): string {
	if (!isTTY || widthOf(line) <= columns) return line;
	const text = line.trimStart();
	const before = line.length - text.length;
	return line.slice(0, before) + wrapWords(text, columns, { indent, before });
}
