import { neutral, type Redactor } from "@agentv/core";
import type { Output } from "../context.ts";

/** The colours that we write. Whoever else writes them can colour a word, and do no more: text that is hidden (8) is not among them. */
const color = "\\u001b\\[(?:[0-79]|2[1-9]|3[0-79]|4[0-79]|9[0-7]|10[0-7])m";
const colors = new RegExp(`(${color})`);

/**
 * What CI servers take for a command, up to the character that is written in another way: `::` at the beginning of a line, `##[` and
 * `##word[` anywhere. What comes before is looked at only from there: from each letter it would take a square of the time.
 */
const command = /:(?<=^[^\S\n]*::)|\[(?<=##[a-z]*\[)/gim;
/** An unfinished line that the next write can make one of them. */
const beginning = /^\s*:?$|##?[a-z]*$/i;

/**
 * The one door to a stream: whatever a command writes leaves it redacted and unable to steer a terminal or to command a CI server. What
 * is no text but a sequence of our own goes through `steer`.
 */
export function safeOutput(output: Output, redact: Redactor): Output & Required<Pick<Output, "steer">> {
	/** The end of the unfinished line, as far as it decides whether the next text makes a command of it. */
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
			// A terminal takes no commands.
			output.write(output.isTTY || kind === "commands" ? shown : withoutCommands(before + shown).slice(before.length));
			const all = before + shown;
			const line = all.slice(all.lastIndexOf("\n") + 1);
			before = beginning.exec(line)?.[0] ?? "-";
		},
		steer: (sequence) => output.write(sequence),
		...(output.drained ? { drained: () => output.drained?.() ?? Promise.resolve(true) } : {}),
	};
}

/** Text without what steers a terminal, JSON being the same JSON: control characters in pictures, others as JSON escapes them. */
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

/** The escapes are at the ends of what is found: texts that were written before stay as they are. */
function withoutCommands(text: string): string {
	return text.replace(command, (character) => jsonEscape(character.charCodeAt(0)));
}
