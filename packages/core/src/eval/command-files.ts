import { resolve } from "node:path";
import { toWireKey } from "../format/codec.ts";
import type { Place } from "../lib/errors.ts";
import { type CommandSpec, fileOfWord, meansFile, parseAsRun, shellScriptIndex, shownCommand } from "./command.ts";
import type { EvalScope } from "./discover-evals.ts";
import { type Assertion, type Hooks, hookNames, type LoadedEval, type Suite, type Workspace } from "./eval-types.ts";
import { resolvePath, stripScheme } from "./read-shape.ts";
import type { Reference, ReferenceKind } from "./references.ts";
import type { ResolvedTarget } from "./resolve-target.ts";
import { resolvePython } from "./script-closure.ts";
import type { DiskView } from "./source.ts";

/** Returns where a command runs, as far as that is known statically. */
export function workingDirectory(command: CommandSpec, kind: ReferenceKind, evalDirectory: string): string | undefined {
	if (command.cwd) return /\{\{/.test(command.cwd.raw) ? undefined : resolve(command.cwd.base, command.cwd.raw);
	return kind === "target-command" ? evalDirectory : command.base;
}

/** Returns whether the word follows another file: then it may be an output. */
export function isLaterArgument({ word, command }: Reference): boolean {
	if (!word || !command) return false;
	const parsed = parseAsRun(command);
	return parsed.kind === "argv" && parsed.words.slice(0, word.index).some((earlier) => meansFile(earlier.text));
}

/**
 * Returns files that a command may use without naming them as words: words of a shell text and
 * values of options (`--config=./x.json`) that name a file in the directory where it runs. Copied
 * for safety; the command's text is unchanged.
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
					// For a target without a working directory, bare names are resolved relative to the eval.
					return kind === "target-command" && !command.cwd && index > 0 ? [text] : [];
				});
	const named = words.filter((word) => /[./]/.test(word) && !/^[./]*$/.test(word) && !word.startsWith("/"));
	return [...new Set(named.map((word) => resolve(directory, word)))].filter((path) => view.kind(path) === "file");
}

function shellWords(text: string): string[] {
	return [...text.matchAll(/[\w./@+-]+/g)].map((match) => match[0]);
}

/** The files of a command, as far as its text shows. */
export interface CommandFiles {
	/** For each word of a command that runs without a shell; absent for a shell command. */
	readonly words?: readonly { readonly text: string; readonly path?: string }[];
	/** From a shell's text, options' values, `python -m`. Absolute. */
	readonly others: readonly string[];
}

/** Finds the files of `command`; the paths are those at run time. */
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

/** The first word of a command is a file only if it has a slash. */
function isFileWord(text: string, index: number): boolean {
	return text.includes("/") || (index > 0 && /^\w[\w.-]*\.\w+$/.test(text));
}

/** Returns the files of `python3 -m package.module` in the directory where the command runs. */
function pythonModule(words: readonly { readonly text: string }[], directory: string, view: DiskView): string[] {
	if (!/(^|\/)python[\d.]*$/.test(words[0]?.text ?? "")) return [];
	const option = words.findIndex(({ text }) => text === "-m");
	const name = option < 0 ? undefined : words[option + 1]?.text;
	return name === undefined ? [] : resolvePython(name, [directory], view);
}

/** A program that an eval runs on this machine. */
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

/** Returns everything that running `loaded` on `targets` executes, in run order, each once. */
export function executedCommands(loaded: LoadedEval, targets: readonly ResolvedTarget[]): ExecutedCommand[] {
	const list = new Executed();
	const suites = new Set<Suite>([loaded.suite, ...loaded.tests.map((test) => test.suite)]);
	for (const suite of suites) list.suite(suite);
	for (const test of loaded.tests) if (test.workspace) list.workspace(test.workspace);
	for (const target of targets) list.target(target);
	for (const test of loaded.tests)
		for (const assertion of [...test.assertions, ...test.turns.flatMap((turn) => turn.assertions)])
			list.assertion(assertion);
	return list.all;
}

class Executed {
	readonly all: ExecutedCommand[] = [];
	readonly #seen = new Set<string>();
	readonly #assertions = new Set<Assertion>();

	suite(suite: Suite): void {
		for (const extension of suite.extensions)
			if (extension.kind === "module")
				this.#add("extension", extension.exportName, stripScheme(extension.module.raw), false, extension.at);
		if (suite.workspace) this.workspace(suite.workspace);
		for (const { type, command } of suite.preprocessors) this.#command("preprocessor", type, command);
	}

	workspace({ hooks }: Workspace): void {
		this.#hooks(hooks, "");
	}

	target(target: ResolvedTarget): void {
		if (target.healthcheck) this.#command("healthcheck", target.name, target.healthcheck);
		this.#hooks(target.hooks, `${target.name} `);
		if (target.command) this.#command("target", target.name, target.command);
		else if ("executable" in target.settings && target.settings.executable !== undefined)
			this.#add("target", target.name, target.settings.executable, false, target.at);
	}

	assertion(assertion: Assertion): void {
		if (this.#assertions.has(assertion)) return;
		this.#assertions.add(assertion);
		if (assertion.type === "custom") this.#add("grader", assertion.name, assertion.program, false, assertion.at);
		if (assertion.command)
			this.#command(assertion.type === "llm-grader" ? "prompt" : "grader", assertion.name, assertion.command);
		for (const part of assertion.parts ?? []) this.assertion(part);
	}

	#hooks(hooks: Hooks, prefix: string): void {
		for (const name of hookNames) {
			const command = hooks[name]?.command;
			if (command) this.#command("hook", `${prefix}${toWireKey(name)}`, command);
		}
	}

	#command(kind: ExecutedCommand["kind"], name: string, command: CommandSpec): void {
		this.#add(kind, name, shownCommand(command), parseAsRun(command).kind === "shell", command.at);
	}

	#add(kind: ExecutedCommand["kind"], name: string, text: string, shell: boolean, at: Place): void {
		const key = JSON.stringify([kind, name, text, at.file]);
		if (this.#seen.has(key)) return;
		this.#seen.add(key);
		this.all.push({ kind, name, text, shell, at });
	}
}
