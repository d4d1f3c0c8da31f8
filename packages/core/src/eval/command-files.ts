import { resolve } from "node:path";
import type { Place } from "../lib/errors.ts";
import { type CommandSpec, fileOfWord, meansFile, parseAsRun, shellScriptIndex, shownCommand } from "./command.ts";
import type { EvalScope } from "./discover-evals.ts";
import type { LoadedEval } from "./eval-types.ts";
import { type ReferenceKind, resolvePath, stripScheme } from "./read-shape.ts";
import type { ResolvedTarget } from "./resolve-target.ts";
import { resolvePython } from "./script-closure.ts";
import type { DiskView } from "./source.ts";
import { type Reference, type Visit, visit } from "./visit.ts";

/** Returns undefined if the directory is only known at run time. */
export function workingDirectory(command: CommandSpec, evalDirectory: string): string | undefined {
	if (command.cwd) return /\{\{/.test(command.cwd.raw) ? undefined : resolve(command.cwd.base, command.cwd.raw);
	return command.kind === "target-command" ? evalDirectory : command.base;
}

/** Such a word may be an output. */
export function isLaterArgument({ word, command }: Reference): boolean {
	if (!word || !command) return false;
	const parsed = parseAsRun(command);
	return parsed.kind === "argv" && parsed.words.slice(0, word.index).some((earlier) => meansFile(earlier.text));
}

/** Finds words of a shell text and option values (`--config=./x.json`) that may name files. */
export function guessedFiles(command: CommandSpec, directory: string, view: DiskView): readonly string[] {
	const parsed = parseAsRun(command);
	const script = parsed.kind === "argv" ? shellScriptIndex(parsed.words.map(({ text }) => text)) : undefined;
	const words =
		parsed.kind === "shell"
			? shellWords(parsed.text)
			: parsed.words.flatMap(({ text, index }) => {
					if (index === script) return shellWords(text);
					if (fileOfWord(text, command, view) !== undefined) return [];
					if (text.startsWith("-")) return /^--?[\w-]+=(.+)$/.exec(text)?.[1] ?? [];
					// Without a working directory, a target's bare names are relative to the eval.
					return command.kind === "target-command" && !command.cwd && index > 0 ? [text] : [];
				});
	const named = words.filter((word) => /[./]/.test(word) && !/^[./]*$/.test(word) && !word.startsWith("/"));
	return [...new Set(named.map((word) => resolve(directory, word)))].filter((path) => view.kind(path) === "file");
}

function shellWords(text: string): string[] {
	return [...text.matchAll(/[\w./@+-]+/g)].map((match) => match[0]);
}

interface CommandFiles {
	/** For each word of a command that runs without a shell; absent for a shell command. */
	readonly words?: readonly { readonly text: string; readonly path?: string }[];
	/** From a shell's text, options' values, `python -m`. Absolute. */
	readonly others: readonly string[];
}

export function commandFiles(command: CommandSpec, scope: EvalScope, view: DiskView): CommandFiles {
	const directory = workingDirectory(command, scope.directory);
	const guessed = directory === undefined ? [] : guessedFiles(command, directory, view);
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
	const found = resolvePath({ raw: text, base: command.base }, scope, view);
	return found.found === undefined ? undefined : found.path;
}

/** The first word of a command is a file only if it has a slash. */
function isFileWord(text: string, index: number): boolean {
	return text.includes("/") || (index > 0 && /^\w[\w.-]*\.\w+$/.test(text));
}

/** Finds the files of `python3 -m package.module`. */
function pythonModule(words: readonly { readonly text: string }[], directory: string, view: DiskView): string[] {
	if (!/(^|\/)python[\d.]*$/.test(words[0]?.text ?? "")) return [];
	const option = words.findIndex(({ text }) => text === "-m");
	const name = option < 0 ? undefined : words[option + 1]?.text;
	return name === undefined ? [] : resolvePython(name, [directory], view);
}

export interface ExecutedCommand {
	readonly kind: "hook" | "extension" | "preprocessor" | "grader" | "prompt" | "target" | "healthcheck";
	/** `before_each`, the grader's or the target's name. */
	readonly name: string;
	/** As written: a command line with `${{ }}`, or the path of a program or module. */
	readonly text: string;
	/** Run by a shell: the files that it uses are unknown. */
	readonly shell: boolean;
	readonly at: Place;
}

/** In running order, within a suite or target. */
export const executedKinds: Partial<Record<ReferenceKind, ExecutedCommand["kind"]>> = {
	extension: "extension",
	healthcheck: "healthcheck",
	hook: "hook",
	preprocessor: "preprocessor",
	"target-command": "target",
	grader: "grader",
	"custom-grader": "grader",
	"prompt-command": "prompt",
};
const order = Object.values(executedKinds);

/** Returns everything that running `loaded` on `targets` executes, in running order, each once. */
export function executedCommands(loaded: LoadedEval, targets: readonly ResolvedTarget[]): ExecutedCommand[] {
	const byOwner = new Map<Visit["owner"], ExecutedCommand[]>();
	for (const visited of visit(loaded, targets)) {
		const command = executed(visited);
		if (command) byOwner.set(visited.owner, [...(byOwner.get(visited.owner) ?? []), command]);
	}
	const all = [...byOwner.values()].flatMap((list) =>
		list.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind)),
	);
	const isGrader = ({ kind }: ExecutedCommand) => kind === "grader" || kind === "prompt";
	const sorted = [...all.filter((command) => !isGrader(command)), ...all.filter(isGrader)];
	const keyOf = ({ kind, name, text, at }: ExecutedCommand) => JSON.stringify([kind, name, text, at.file]);
	const first = new Map(sorted.toReversed().map((command) => [keyOf(command), command]));
	return sorted.filter((command) => first.get(keyOf(command)) === command);
}

function executed({ path, command, program, name }: Visit): ExecutedCommand | undefined {
	if (program) return { kind: "target", name, text: program.name, shell: false, at: program.at };
	const { kind: use, at } = command ?? path;
	const kind = executedKinds[use];
	if (kind === undefined) return undefined;
	if (!command) return { kind, name, text: stripScheme(path.raw), shell: false, at };
	return { kind, name, text: shownCommand(command), shell: parseAsRun(command).kind === "shell", at };
}
