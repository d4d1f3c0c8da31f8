import { resolve } from "node:path";
import { type CommandSpec, fileOfWord, meansFile, parseAsRun, shellScriptIndex } from "./command.ts";
import type { DiskView } from "./disk-view.ts";
import type { EvalScope } from "./eval-scope.ts";
import { resolvePath } from "./path-text.ts";
import type { Reference, ReferenceKind } from "./reference.ts";
import { resolvePython } from "./script-closure/resolve-module.ts";

/** Where a command runs, as far as it is known before it runs. */
export function workingDirectory(command: CommandSpec, kind: ReferenceKind, evalDirectory: string): string | undefined {
	if (command.cwd) return /\{\{/.test(command.cwd.raw) ? undefined : resolve(command.cwd.base, command.cwd.raw);
	return kind === "target-command" ? evalDirectory : command.base;
}

/** Whether a word comes after another that names a file: then it may name something that the run makes. */
export function isLaterArgument({ word, command }: Reference): boolean {
	if (!word || !command) return false;
	const parsed = parseAsRun(command);
	return parsed.kind === "argv" && parsed.words.slice(0, word.index).some((earlier) => meansFile(earlier.text));
}

/**
 * Files that a command may use although nothing says so: words of a shell text and values of options (`--config=./x.json`)
 * that name a file in the directory where it runs. Copied for safety; the command's text stays as it is.
 */
export function guessedFiles(
	command: CommandSpec,
	kind: ReferenceKind,
	directory: string,
	view: DiskView,
): readonly string[] {
	const parsed = parseAsRun(command);
	const script = parsed.kind === "argv" ? shellScriptIndex(parsed.words.map(({ text }) => text)) : undefined;
	const words =
		parsed.kind === "shell"
			? shellWords(parsed.text)
			: parsed.words.flatMap(({ text, index }) => {
					if (index === script) return shellWords(text);
					if (fileOfWord(text, command, view) !== undefined) return [];
					if (text.startsWith("-")) return /^--?[\w-]+=(.+)$/.exec(text)?.[1] ?? [];
					// Of a target without a working directory, bare names are found where the eval is.
					return kind === "target-command" && !command.cwd && index > 0 ? [text] : [];
				});
	const named = words.filter((word) => /[./]/.test(word) && !/^[./]*$/.test(word) && !word.startsWith("/"));
	return [...new Set(named.map((word) => resolve(directory, word)))].filter((path) => view.kind(path) === "file");
}

function shellWords(text: string): string[] {
	return [...text.matchAll(/[\w./@+-]+/g)].map((match) => match[0]);
}

/** Files that a command uses, as far as its text shows them. */
export interface CommandFiles {
	/** For each word of a command that runs without a shell; absent for one that a shell reads. */
	readonly words?: readonly { readonly text: string; readonly path?: string }[];
	/** Files that no word names by itself: of a shell's text, of options' values, of `python -m`. Absolute. */
	readonly others: readonly string[];
}

/** Finds the files that `command` uses; the paths are those that running it uses. */
export function commandFiles(
	command: CommandSpec,
	kind: ReferenceKind,
	scope: EvalScope,
	view: DiskView,
): CommandFiles {
	const directory = workingDirectory(command, kind, scope.directory);
	const guessed = directory === undefined ? [] : guessedFiles(command, kind, directory, view);
	const parsed = parseAsRun(command);
	if (parsed.kind === "shell") return { others: guessed };
	const words = parsed.words.map(({ text, index }) => {
		const path = pathOfWord(text, index, command, directory, scope, view);
		return path === undefined ? { text } : { text, path };
	});
	const named = new Set(words.map(({ path }) => path));
	const module = directory === undefined ? [] : pythonModule(words, directory, view);
	return { words, others: [...guessed, ...module].filter((path) => !named.has(path)) };
}

function pathOfWord(
	text: string,
	index: number,
	command: CommandSpec,
	directory: string | undefined,
	scope: EvalScope,
	view: DiskView,
): string | undefined {
	const known = fileOfWord(text, command, view);
	if (known !== undefined) return known;
	if (text.includes("{") || text.startsWith("-") || /^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return undefined;
	const here = directory === undefined ? undefined : resolve(directory, text);
	if (here !== undefined && isFileWord(text, index) && view.kind(here) === "file") return here;
	if (!meansFile(text)) return undefined;
	const found = resolvePath({ raw: text, at: command.at, base: command.base }, scope, view);
	return found.found === undefined ? undefined : found.path;
}

/** `bin/check`, and `check.py` behind the program: the first word of a command without a slash is looked for on PATH. */
function isFileWord(text: string, index: number): boolean {
	return text.includes("/") || (index > 0 && /^\w[\w.-]*\.\w+$/.test(text));
}

/** The files of `python3 -m package.module` that are in the directory where the command runs. */
function pythonModule(words: readonly { readonly text: string }[], directory: string, view: DiskView): string[] {
	if (!/(^|\/)python[\d.]*$/.test(words[0]?.text ?? "")) return [];
	const option = words.findIndex(({ text }) => text === "-m");
	const name = option < 0 ? undefined : words[option + 1]?.text;
	return name === undefined ? [] : resolvePython(name, [directory], view);
}
