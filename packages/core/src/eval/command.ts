import { basename, extname, resolve } from "node:path";
import type { CommandText } from "../format/codec.ts";
import type { Place } from "../lib/errors.ts";
import { type Environment, nodeExecutable } from "../machine/environment.ts";
import { findExecutable, type OpenInput, type ProcessResult } from "../machine/run-process.ts";
import type { PathText, ReferenceKind } from "./read-shape.ts";
import type { DiskView } from "./source.ts";

/** A command from a file: a hook, grader, target, preprocessor or health check. */
export interface CommandSpec {
	readonly kind: ReferenceKind;
	/** With the values of `${{ }}` and of a test's `vars`. */
	readonly text: CommandText;
	/** Before variables were filled in, if it has any: each value is one argument. */
	readonly written?: WrittenCommand | undefined;
	readonly at: Place;
	/** Directory of the file that defines it. */
	readonly base: string;
	/** `cwd` as written, relative to `base`. */
	readonly cwd?: PathText | undefined;
}

export interface WrittenCommand {
	readonly text: CommandText;
	/** Fills in variables; those without a value stay. */
	readonly fill: (text: string) => string;
}

export interface CommandWord {
	readonly text: string;
	/** Offsets of the word in a string command; for a list, its index is the location. */
	readonly range: readonly [start: number, end: number];
	readonly index: number;
	readonly quoted: boolean;
}

type ParsedCommand =
	| { readonly kind: "argv"; readonly words: readonly CommandWord[] }
	| { readonly kind: "shell"; readonly text: string };

/** A string is split into words unless it has shell metacharacters outside quotes. */
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

/** A variable's value never adds words or shell syntax. */
export function parseAsRun({ text, written }: CommandSpec): ParsedCommand {
	if (!written) return parseCommand(text);
	const source = parseCommand(written.text);
	if (source.kind === "shell") return { kind: "shell", text: typeof text === "string" ? text : text.join(" ") };
	return { kind: "argv", words: source.words.map((word) => ({ ...word, text: written.fill(word.text) })) };
}

const placeholder = /^(?:\$?\$\{\{.*?\}\}|\{\{.*?\}\}|\{[A-Za-z_][A-Za-z0-9_]*\})/s;

/** Returns undefined if the text needs a shell. */
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

export function shownCommand({ text, written }: CommandSpec): string {
	const source = written?.text ?? text;
	return typeof source === "string" ? source : source.map(quoted).join(" ");
}

function quoted(word: string): string {
	return /^[\w./:@%+,={}$-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** In order of preference: the command's `cwd`, then the directory of its file. */
export function wordBases(command: CommandSpec): string[] {
	const own = command.cwd && !/\{\{/.test(command.cwd.raw) ? [resolve(command.cwd.base, command.cwd.raw)] : [];
	return [...own, command.base];
}

/** A word names a file if it contains a `/` and the file exists below one of `wordBases`. */
export function fileOfWord(word: string, command: CommandSpec, view: DiskView): string | undefined {
	if (!word.includes("/") || word.includes("{") || word.startsWith("-") || /^[a-z][a-z0-9+.-]*:\/\//i.test(word))
		return undefined;
	for (const base of wordBases(command)) {
		const path = resolve(base, word);
		if (view.kind(path) !== "missing") return path;
	}
	return undefined;
}

/** Reads backslashes as on Windows if the word itself names no file, as the author may mean. */
export function backslashedFile(word: CommandWord, command: CommandSpec, view: DiskView): string | undefined {
	if (typeof command.text !== "string") return undefined;
	const raw = command.text.slice(...word.range);
	if (!/\\[\w.]/.test(raw) || fileOfWord(word.text, command, view) !== undefined) return undefined;
	return fileOfWord(raw.replaceAll("\\", "/"), command, view);
}

/** The file need not exist. */
export function meansFile(word: string): boolean {
	return /^\.{1,2}\//.test(word);
}

const shells = new Set(["sh", "bash", "dash", "zsh", "ksh", "ash"]);

/** Values in the script of `sh -c SCRIPT` must be quoted. */
export function shellScriptIndex(words: readonly string[]): number | undefined {
	if (!shells.has(basename(words[0] ?? ""))) return undefined;
	const option = words.findIndex((word, index) => index > 0 && /^-(?=[a-zA-Z]*c)[a-zA-Z]+$/.test(word));
	if (option < 0 || words.slice(1, option).some((word) => !/^[-+]/.test(word))) return undefined;
	return words.findIndex((word, index) => index > option && !/^[-+]/.test(word));
}

interface CommandRun {
	/** By the text inside `{NAME}` or `{{name}}`. A list becomes several arguments. */
	readonly values?: Readonly<Record<string, string | readonly string[]>>;
	readonly extraWords?: readonly string[];
	/** For commands without one. Default: the directory of the command's file. */
	readonly defaultCwd?: string;
	readonly env?: Readonly<Record<string, string | undefined>>;
	readonly input?: string;
	/** Keeps stdin open, for interactive programs; called once, when the program runs. */
	readonly onInput?: (input: OpenInput) => void;
	readonly timeoutMs?: number;
	readonly signal?: AbortSignal;
	/** Per stream; larger output goes to `spillDir`. Default 10 MB. */
	readonly maxBuffer?: number;
	readonly spillDir?: string;
	readonly onStdout?: (line: string) => void;
}

/** Never rejects because of the program: the result has its exit code, signal or start error. */
export type CommandRunner = (command: CommandSpec, run: CommandRun) => Promise<ProcessResult>;

type ProgramArgv =
	| { readonly ok: true; readonly argv: readonly string[] }
	| { readonly ok: false; readonly message: string };

const interpreters: Readonly<Record<string, string>> = { ".py": "python3", ".sh": "sh" };

/**
 * `.mjs` and `.js` run in this Node, `.py` in `python3`, `.sh` in `sh`, `.ts` in `bun` or `tsx`.
 */
export function programArgv(file: string, env: Environment, cwd: string): ProgramArgv {
	const ending = extname(file).toLowerCase();
	if (ending === ".mjs" || ending === ".js" || ending === ".cjs") return { ok: true, argv: [nodeExecutable, file] };
	const interpreter = interpreters[ending];
	if (interpreter !== undefined) return { ok: true, argv: [interpreter, file] };
	if (ending === ".ts" || ending === ".mts") {
		const runner = ["bun", "tsx"].find((name) => findExecutable(name, env, cwd) !== undefined);
		if (runner) return { ok: true, argv: [runner, file] };
		return { ok: false, message: `${file} needs \`bun\` or \`tsx\`, but neither is installed` };
	}
	return {
		ok: false,
		message: `don't know how to run ${file}: unsupported extension (expected .mjs, .js, .ts, .py or .sh)`,
	};
}
