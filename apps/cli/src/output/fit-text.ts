import cliTruncate from "cli-truncate";
import stringWidth from "string-width";
import type { Output } from "../context.ts";

/** Returns the table width, unlimited unless the output is a terminal. */
export function tableColumns({ isTTY, columns }: Output): number {
	return isTTY ? columns : Number.POSITIVE_INFINITY;
}

const indent = "    ";

/**
 * Wraps a sentence (with colours) to the terminal's width, continuation lines indented. Other
 * output stays on one line, so that it can be searched.
 */
export function wrapLine(line: string, { isTTY, columns }: Pick<Output, "isTTY" | "columns">): string {
	if (!isTTY || stringWidth(line) <= columns) return line;
	const text = line.trimStart();
	const before = line.length - text.length;
	return line.slice(0, before) + wrapWords(text, columns, { indent, before });
}

/** `before` columns of the first line are occupied; other lines begin with `indent`. */
export function wrapWords(text: string, columns: number, { indent = "", before = 0 } = {}): string {
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(" ")) {
		// Double spaces at a break are dropped.
		const longer = line === "" || line === indent ? line + word : `${line} ${word}`;
		const taken = lines.length === 0 ? before : 0;
		if (line.trim() !== "" && taken + stringWidth(longer) > columns) {
			lines.push(line);
			line = `${indent}${word}`;
		} else line = longer;
	}
	return [...lines, line].join("\n");
}

export function fitLine(text: string, columns: number): string {
	return cliTruncate(text, columns);
}

/** Cuts in the middle, because similar names mostly differ at their ends. */
export function fitMiddle(text: string, columns: number): string {
	return cliTruncate(text, columns, { position: "middle" });
}
