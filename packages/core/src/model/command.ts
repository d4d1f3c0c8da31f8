import { basename, resolve } from "node:path";
import type { Place } from "../base/diagnostic.ts";
import type { CommandText } from "../schema/primitives.ts";
import type { DiskView } from "./disk-view.ts";
import type { PathText } from "./path-text.ts";

/** A command as a file says it, whoever runs it: hook, grader, target, preprocessor or health check. */
export interface CommandSpec {
	/** With the values of `${{ }}` and of a test's `vars` in it. */
	readonly text: CommandText;
	/** The command before they were put in, where it has some: each value is one argument when it is run. */
	readonly written?: WrittenCommand;
	readonly at: Place;
	/** Directory of the file it is written in. */
	readonly base: string;
	/** `cwd` as written, relative to `base`. */
	readonly cwd?: PathText;
}

export interface WrittenCommand {
	readonly text: CommandText;
	/** Puts the values into a text; what has none stays as it is. */
	readonly fill: (text: string) => string;
}

export interface CommandWord {
	readonly text: string;
	/** Offsets of the word in a string command; for a list, its index says where it is. */
	readonly range: readonly [start: number, end: number];
	readonly index: number;
	/** Quotes or backslashes were part of the word as written. */
	readonly quoted: boolean;
}

/** The one rule for every command: words that run as argv, or a shell text whose files can't be known. */
export type ParsedCommand =
	| { readonly kind: "argv"; readonly words: readonly CommandWord[] }
	| { readonly kind: "shell"; readonly text: string };

/** A list is argv; a string is split into words unless it has shell metacharacters outside quotes and placeholders. */
export function parseCommand(text: CommandText): ParsedCommand {
	if (typeof text !== "string") {
		return {
			kind: "argv",
			words: text.map((word, index) => ({ text: word, range: [0, word.length], index, quoted: false })),
		};
	}
	const words = splitWords(text);
	return words ? { kind: "argv", words } : { kind: "shell", text };
}

/** The words of a command as a run will have them: a value never adds words or shell syntax. */
export function parseAsRun({ text, written }: CommandSpec): ParsedCommand {
	if (!written) return parseCommand(text);
	const source = parseCommand(written.text);
	if (source.kind === "shell") return { kind: "shell", text: typeof text === "string" ? text : text.join(" ") };
	return { kind: "argv", words: source.words.map((word) => ({ ...word, text: written.fill(word.text) })) };
}

const placeholder = /^(?:\$?\$\{\{.*?\}\}|\{\{.*?\}\}|\{[A-Za-z_][A-Za-z0-9_]*\})/s;

/** The words of a simple command line, or `undefined` where only a shell could read it. */
function splitWords(text: string): CommandWord[] | undefined {
	const words: CommandWord[] = [];
	let position = 0;
	while (position < text.length) {
		if (/[ \t\r\n]/.test(text[position] as string)) {
			if (text[position] === "\n" && words.length > 0 && text.slice(position).trim() !== "") return undefined;
			position += 1;
			continue;
		}
		const word = readWord(text, position, words.length);
		if (!word) return undefined;
		if (words.length === 0 && !word.quoted && /^[A-Za-z_][A-Za-z0-9_]*=/.test(word.text)) return undefined;
		words.push(word);
		position = word.range[1];
	}
	return words.length > 0 ? words : undefined;
}

function readWord(text: string, start: number, index: number): CommandWord | undefined {
	let position = start;
	let value = "";
	let quoted = false;
	while (position < text.length && !/[ \t\r\n]/.test(text[position] as string)) {
		const hole = placeholder.exec(text.slice(position, position + 4096));
		const character = text[position] as string;
		if (hole) {
			value += hole[0];
			position += hole[0].length;
		} else if (character === "'" || character === '"') {
			const end = readQuoted(text, position);
			if (!end) return undefined;
			quoted = true;
			value += end.text;
			position = end.next;
		} else if (character === "\\") {
			if (position + 1 >= text.length) return undefined;
			quoted = true;
			value += text[position + 1];
			position += 2;
		} else {
			if (isShellSyntax(character, position === start)) return undefined;
			value += character;
			position += 1;
		}
	}
	return { text: value, range: [start, position], index, quoted };
}

function isShellSyntax(character: string, atStart: boolean): boolean {
	return "|&;<>()$`*?[]{}".includes(character) || (atStart && "~#!".includes(character));
}

function readQuoted(text: string, start: number): { text: string; next: number } | undefined {
	const quote = text[start] as string;
	let value = "";
	let position = start + 1;
	while (position < text.length) {
		const character = text[position] as string;
		if (character === quote) return { text: value, next: position + 1 };
		const hole = quote === '"' ? placeholder.exec(text.slice(position, position + 4096)) : null;
		if (hole) {
			value += hole[0];
			position += hole[0].length;
			continue;
		}
		if (quote === '"' && (character === "$" || character === "`")) return undefined;
		if (quote === '"' && character === "\\" && /["\\$`\n]/.test(text[position + 1] ?? "")) position += 1;
		value += text[position];
		position += 1;
	}
	return undefined;
}

/** The command line as its author wrote it, without the values of variables. */
export function shownCommand({ text, written }: CommandSpec): string {
	const source = written?.text ?? text;
	return typeof source === "string" ? source : source.map(quoted).join(" ");
}

/** A word of a list as a command line would say it. */
function quoted(word: string): string {
	return /^[\w./:@%+,={}$-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The directory whose files a command's words name: its `cwd`, else that of the file it is written in. */
export function wordBases(command: CommandSpec): string[] {
	const own = command.cwd && !/\{\{/.test(command.cwd.raw) ? [resolve(command.cwd.base, command.cwd.raw)] : [];
	return [...own, command.base];
}

/**
 * The absolute path that a word of a command names, or `undefined` where the word is passed as written. A word names a
 * file when it has a `/` (or begins with `./`, `../`) and such a file or directory exists below one of `wordBases`.
 */
export function fileOfWord(word: string, command: CommandSpec, view: DiskView): string | undefined {
	if (!word.includes("/") || word.includes("{") || word.startsWith("-") || /^[a-z][a-z0-9+.-]*:\/\//i.test(word))
		return undefined;
	for (const base of wordBases(command)) {
		const path = resolve(base, word);
		if (view.kind(path) !== "missing") return path;
	}
	return undefined;
}

/**
 * The absolute path that a word of a text command names if its backslashes are read as Windows would, where the word as it
 * runs names nothing: what its author means, although nothing but Windows understands it.
 */
export function backslashedFile(word: CommandWord, command: CommandSpec, view: DiskView): string | undefined {
	if (typeof command.text !== "string") return undefined;
	const raw = command.text.slice(...word.range);
	if (!/\\[\w.]/.test(raw) || fileOfWord(word.text, command, view) !== undefined) return undefined;
	return fileOfWord(raw.replaceAll("\\", "/"), command, view);
}

/** A word that plainly means a file: it begins with `./` or `../`, whether such a file exists or not. */
export function meansFile(word: string): boolean {
	return /^\.{1,2}\//.test(word);
}

const shells = new Set(["sh", "bash", "dash", "zsh", "ksh", "ash"]);

/** Which word is the script of `sh -c SCRIPT`: there a value must be quoted as in the shell form. */
export function shellScriptIndex(words: readonly string[]): number | undefined {
	if (!shells.has(basename(words[0] ?? ""))) return undefined;
	const option = words.findIndex((word, index) => index > 0 && /^-(?=[a-zA-Z]*c)[a-zA-Z]+$/.test(word));
	if (option < 0 || words.slice(1, option).some((word) => !/^[-+]/.test(word))) return undefined;
	return words.findIndex((word, index) => index > option && !/^[-+]/.test(word));
}
