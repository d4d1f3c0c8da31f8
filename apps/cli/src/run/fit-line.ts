import { characterWidth } from "@agentv/core";

/** Returns the width of `text` (without colours) in columns. */
export function displayWidth(text: string): number {
	let width = 0;
	for (const character of text) width += characterWidth(character);
	return width;
}

/** Cuts `text` (without colours) to `columns`, with an ellipsis. */
export function fitLine(text: string, columns: number): string {
	let width = 0;
	let fitting = "";
	for (const character of text) {
		width += characterWidth(character);
		if (width > columns) return `${withoutLast(fitting, columns)}…`;
		fitting += character;
	}
	return text;
}

/** Makes room for the ellipsis. */
function withoutLast(text: string, columns: number): string {
	let width = 0;
	let result = "";
	for (const character of text) {
		width += characterWidth(character);
		if (width > columns - 1) break;
		result += character;
	}
	return result;
}

/** Like `fitLine`, but cuts in the middle, because similar names mostly differ at their ends. */
export function fitMiddle(text: string, columns: number): string {
	if (fitLine(text, columns) === text) return text;
	const end = withoutLast([...text].reverse().join(""), Math.ceil(columns / 2));
	const start = withoutLast(text, columns - Math.ceil(columns / 2) + 1);
	return `${start}…${[...end].reverse().join("")}`;
}
