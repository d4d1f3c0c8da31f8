import {
	type BenchmarkReport,
	characterWidth,
	neutral,
	type Redactor,
	type SyncChanges,
	terminalSafe,
	terminalSafeLine,
} from "@agentv/core";
import picocolors from "picocolors";
import type { Output } from "../context.ts";

/** The colour sequences that AgentV writes. They are harmless in foreign text; hidden text (8) is not among them. */
const color = "\\u001b\\[(?:[0-79]|2[1-9]|3[0-79]|4[0-79]|9[0-7]|10[0-7])m";
const colors = new RegExp(`(${color})`);

/**
 * Commands of CI servers, up to the character to escape: `::` at the beginning of a line, `##[` and `##word[` anywhere.
 * The lookbehinds keep the matching linear.
 */
const command = /:(?<=^[^\S\n]*::)|\[(?<=##[a-z]*\[)/gim;
/** An unfinished line that the next write could complete to a command. */
const beginning = /^\s*:?$|##?[a-z]*$/i;

/**
 * Wraps a stream so that all text is redacted and can neither control a terminal nor execute commands of a CI server.
 * AgentV's own control sequences are written by `steer`.
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

/** Replaces control characters by their pictures, others by JSON escapes, so that JSON stays equivalent. */
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

/** Returns the colour functions for a stream; they do nothing if it has no colours. */
export function colorsFor(output: Output): Colors {
	return picocolors.createColors(output.color);
}

/** Returns a benchmark's state in a word or two: `synced`, `behind, modified`. */
export function stateText({ revision, workTree }: BenchmarkReport): string {
	return workTree.state === "clean" ? revision.state : `${revision.state}, ${workTree.state}`;
}

/** Returns the maximum width of a table; unlimited unless the output is a terminal. */
export function tableColumns({ isTTY, columns }: Output): number {
	return isTTY ? columns : Number.POSITIVE_INFINITY;
}

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

/** Escapes text for the data of a GitHub workflow command (`::error …::data`), whose log renders control sequences. */
export function workflowData(text: string): string {
	// The older form, `##[…]`, also works in the middle of a line.
	return terminalSafe(text)
		.replace(/##(?=[a-z]*\[)/gi, "# #")
		.replaceAll("%", "%25")
		.replaceAll("\n", "%0A");
}

/** Escapes text for a property of a workflow command. */
export function workflowProperty(text: string): string {
	return workflowData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

const mostLines = 20;

/** Lists changed files, affected evals with their tests, and what the next run will execute; cuts long lists. */
export function changeLines(changes: SyncChanges, colors: Colors, show: { readonly files: boolean }): string[] {
	const { added, changed, removed, evals, executes } = changes;
	const counts = [`${added.length} added`, `${changed.length} changed`, `${removed.length} removed`].join(", ");
	const files = [
		...added.map((path) => `${colors.green("+")} ${terminalSafeLine(path)}`),
		...changed.map((path) => `${colors.yellow("~")} ${terminalSafeLine(path)}`),
		...removed.map((path) => `${colors.red("-")} ${terminalSafeLine(path)}`),
	];
	const touched = evals.map(({ file, change, tests }) => {
		const some =
			tests.length === 0
				? ""
				: `: ${tests.slice(0, 8).join(", ")}${tests.length > 8 ? ` and ${tests.length - 8} more` : ""}`;
		return `${terminalSafeLine(file)} (${change})${terminalSafeLine(some)}`;
	});
	const runs = executes.map(
		({ kind, what, eval: file, change }) => `${kind} ${terminalSafeLine(what)} (${change}, ${terminalSafeLine(file)})`,
	);
	return [
		`    files: ${counts}`,
		...(show.files ? cut(files).map((line) => `      ${line}`) : []),
		...section("affected evals:", touched),
		...section(colors.yellow("will execute on the next run:"), runs),
	];
}

function section(title: string, lines: readonly string[]): string[] {
	return lines.length === 0 ? [] : [`    ${title}`, ...cut(lines).map((line) => `      ${line}`)];
}

function cut(lines: readonly string[]): string[] {
	return lines.length <= mostLines
		? [...lines]
		: [...lines.slice(0, mostLines), `and ${lines.length - mostLines} more`];
}

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
