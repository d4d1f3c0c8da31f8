import { neutral, type Redactor, terminalSafe } from "@agentv/core";
import picocolors from "picocolors";
import type { Output } from "../context.ts";

/** Harmless in foreign text; hidden text (8) is not among them. */
const color = "\\u001b\\[(?:[0-79]|2[1-9]|3[0-79]|4[0-79]|9[0-7]|10[0-7])m";
const colors = new RegExp(`(${color})`);

/**
 * Commands of CI servers, up to the character to escape: `::` at the beginning of a line, `##[` and
 * `##word[` anywhere. The lookbehinds keep the matching linear.
 */
const command = /:(?<=^[^\S\n]*::)|\[(?<=##[a-z]*\[)/gim;
const beginning = /^\s*:?$|##?[a-z]*$/i;

/**
 * Wraps a stream so that all text is redacted and can neither control a terminal nor execute
 * commands of a CI server. Only `steer` writes control sequences.
 */
export function safeOutput(output: Output, redact: Redactor): Output & Required<Pick<Output, "steer">> {
	/** The end of an unfinished line that the next text could complete to a command. */
	let before = "";
	return {
		...{ isTTY: output.isTTY, color: output.color },
		get columns() {
			return output.columns;
		},
		get rows() {
			return output.rows;
		},
		write(text, kind = "text") {
			const shown = printable(kind === "document" ? text : redact(text), output.color);
			// Terminals don't execute commands.
			output.write(output.isTTY || kind === "commands" ? shown : withoutCommands(before + shown).slice(before.length));
			const all = before + shown;
			const line = all.slice(all.lastIndexOf("\n") + 1);
			before = beginning.exec(line)?.[0] ?? "-";
		},
		steer: (sequence) => output.write(sequence),
		...(output.drained ? { drained: () => output.drained?.() ?? Promise.resolve(true) } : {}),
	};
}

/** Replaces control characters by their pictures, in such a way that JSON stays equivalent. */
export function printable(text: string, isColored: boolean): string {
	const safe = (part: string) => neutral(part.replaceAll("\r\n", "\n"), escaped);
	if (!isColored) return safe(text);
	return text
		.split(colors)
		.map((part, index) => (index % 2 === 1 ? part : safe(part)))
		.join("");
}

function escaped(character: string): string {
	if (character < " ") return String.fromCodePoint(0x2400 + character.charCodeAt(0));
	return Array.from({ length: character.length }, (_, index) => jsonEscape(character.charCodeAt(index))).join("");
}

function jsonEscape(unit: number): string {
	return `\\u${unit.toString(16).padStart(4, "0")}`;
}

/** Escapes the end of each match, because its beginning may already be written. */
function withoutCommands(text: string): string {
	return text.replace(command, (character) => jsonEscape(character.charCodeAt(0)));
}

export type Colors = ReturnType<typeof picocolors.createColors>;

export function colorsFor(output: Output): Colors {
	return picocolors.createColors(output.color);
}

/** Escapes the data of a GitHub workflow command (`::error …::data`). */
export function workflowData(text: string): string {
	// The older form, `##[…]`, also works in the middle of a line.
	return terminalSafe(text)
		.replace(/##(?=[a-z]*\[)/gi, "# #")
		.replaceAll("%", "%25")
		.replaceAll("\n", "%0A");
}

export function workflowProperty(text: string): string {
	return workflowData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

export function json(document: unknown): string {
	return `${JSON.stringify(document, null, 2)}\n`;
}
