import { characterWidth } from "@agentv/core";

const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** `text` in lines of at most `columns`, broken between words. `before` columns of the first line are taken; others begin with `indent`. */
export function wrapWords(text: string, columns: number, { indent = "", before = 0 } = {}): string {
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(" ")) {
		// Where two blanks stood at the break, none is left of them.
		const longer = line === "" || line === indent ? line + word : `${line} ${word}`;
		const taken = lines.length === 0 ? before : 0;
		if (line.trim() !== "" && taken + widthOf(longer) > columns) {
			lines.push(line);
			line = `${indent}${word}`;
		} else line = longer;
	}
	return [...lines, line].join("\n");
}

/** How many columns a terminal shows it in; colours take none. */
export function widthOf(text: string): number {
	let width = 0;
	for (const character of text.replace(escapes, "")) width += characterWidth(character);
	return width;
}
