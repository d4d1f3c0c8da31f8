import { characterWidth } from "@agentv/core";

/** Columns that `text` (without colours) takes. */
export function displayWidth(text: string): number {
	let width = 0;
	for (const character of text) width += characterWidth(character);
	return width;
}

/** `text` (without colours) cut to `columns`, with an ellipsis where something is missing. */
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

/** Room for the ellipsis. */
function withoutLast(text: string, columns: number): string {
	let width = 0;
	let kept = "";
	for (const character of text) {
		width += characterWidth(character);
		if (width > columns - 1) break;
		kept += character;
	}
	return kept;
}
