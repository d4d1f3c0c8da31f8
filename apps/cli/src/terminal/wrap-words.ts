import { characterWidth } from "@agentv/core";

const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** Wraps `text` to `columns`. `before` columns of the first line are occupied; other lines begin with `indent`. */
export function wrapWords(text: string, columns: number, { indent = "", before = 0 } = {}): string {
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(" ")) {
		// Double spaces at a break are dropped.
		const longer = line === "" || line === indent ? line + word : `${line} ${word}`;
		const taken = lines.length === 0 ? before : 0;
		if (line.trim() !== "" && taken + widthOf(longer) > columns) {
			lines.push(line);
			line = `${indent}${word}`;
		} else line = longer;
	}
	return [...lines, line].join("\n");
}

/** Returns the width in a terminal, without colours. */
export function widthOf(text: string): number {
	let width = 0;
	for (const character of text.replace(escapes, "")) width += characterWidth(character);
	return width;
}
