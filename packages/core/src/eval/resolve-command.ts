import { basename, isAbsolute, resolve } from "node:path";
import {
	AgentvError,
	type Diagnostic,
	type DocumentPath,
	type FindingKind,
	finding,
	type Place,
} from "../lib/errors.ts";
import { interpolateEnv } from "../lib/interpolate.ts";
import { isSecretName } from "../lib/secret-shapes.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, targetKind } from "../machine/files.ts";
import { type ProcessResult, runOneOfMany } from "../machine/run-process.ts";
import {
	type CommandRunner,
	type CommandSpec,
	fileOfWord,
	meansFile,
	parseAsRun,
	parseCommand,
	shellScriptIndex,
	shownCommand,
	type WrittenCommand,
} from "./command.ts";
import { commandFiles, workingDirectory } from "./command-files.ts";
import { type EvalScope, shownPath } from "./discover-evals.ts";
import type { LoadedEval } from "./eval-types.ts";
import type { TargetScope } from "./load-targets.ts";
import { resolvePath } from "./read-shape.ts";
import { type ResolvedTarget, variablesAt } from "./resolve-target.ts";
import { scriptClosure } from "./script-closure.ts";
import { mayBeScript } from "./script-imports.ts";
import { child, type DiskView, type PlacedVariable } from "./source.ts";

export interface CommandSetting {
	readonly view: DiskView;
	/** Bounds the search through parent directories that older evals need. */
	readonly scope: EvalScope;
	readonly env: Environment;
	/** By the text inside the braces of `{NAME}` or `{{name}}`. Other names stay. */
	readonly values?: Readonly<Record<string, HoleValue>> | undefined;
	/** For commands without one. Default: the directory of the command's file. */
	readonly defaultCwd?: string | undefined;
	readonly extraWords?: readonly string[] | undefined;
}

type RunnableCommand = {
	/** Absolute. */
	readonly cwd: string;
	readonly env: Environment;
} & (
	| { readonly argv: readonly string[]; readonly shell?: undefined }
	| { readonly shell: string; readonly argv?: undefined }
);

/**
 * Resolves a command for execution: words that name files become absolute paths, values one
 * argument each. In the shell form, and in the script of a `sh -c` word list, values are quoted.
 * @throws AgentvError `config` if a `${{ }}` variable has no value
 */
export function resolveCommand(command: CommandSpec, setting: CommandSetting): RunnableCommand {
	const cwd = commandDirectory(command, setting);
	const parsed = parseCommand(command.written?.text ?? command.text);
	const readHole = holeReader(setting, command.written);
	const extra = setting.extraWords ?? [];
	if (parsed.kind === "shell") {
		const filled = fillShellText(parsed.text, readHole);
		const words = extra.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
		return { shell: [filled.text, ...words].join(" "), cwd, env: { ...setting.env, ...filled.env } };
	}
	const texts = parsed.words.map((word) => word.text);
	const script = shellScriptIndex(texts.map((word) => fillWord(word, readHole).join(" ")));
	let env = setting.env;
	const argv = texts.flatMap((word, index) => {
		if (index !== script) return wordAsRun(word, command, cwd, setting) ?? fillWord(word, readHole);
		const filled = fillShellText(word, readHole);
		env = { ...env, ...filled.env };
		return [filled.text];
	});
	return { argv: [...argv, ...extra], cwd, env };
}

function commandDirectory(command: CommandSpec, setting: CommandSetting): string {
	if (!command.cwd) return setting.defaultCwd ?? command.base;
	const raw = fillWord(command.cwd.raw, holeReader(setting, undefined)).join(" ");
	if (raw !== command.cwd.raw) return resolve(command.cwd.base, raw);
	const resolved = resolvePath(command.cwd, setting.scope, setting.view);
	return resolved.kind === "directory" ? resolved.path : resolve(command.cwd.base, raw);
}

/** Run-time values (a prompt, for example) never name a file. */
function wordAsRun(word: string, command: CommandSpec, cwd: string, setting: CommandSetting): string | undefined {
	const known = command.written ? command.written.fill(word) : word;
	const located = locate(known, command, cwd, setting);
	return located === known ? undefined : located;
}

function locate(word: string, command: CommandSpec, cwd: string, setting: CommandSetting): string {
	const known = fileOfWord(word, command, setting.view);
	if (known !== undefined) return known;
	if (!word.includes("/") || word.includes("{") || isAbsolute(word) || word.startsWith("-")) return word;
	// A run-time working directory: its content must not be cached.
	const here = resolve(cwd, word);
	if (targetKind(here) !== "missing") return meansFile(word) || command.cwd ? here : word;
	if (!meansFile(word)) return word;
	const older = resolvePath({ raw: word, base: command.base }, setting.scope, setting.view);
	return older.found === undefined ? word : older.path;
}

const hole = /^\$\{\{[\s\S]*?\}\}|^\{\{\s*([A-Za-z_][\w.-]*)\s*\}\}|^\{([A-Z_][A-Z0-9_]*)\}/;

function holeReader(setting: CommandSetting, written: WrittenCommand | undefined): HoleReader {
	return (rest) => {
		if (rest[0] !== "{" && rest[0] !== "$") return undefined;
		if (written && rest.startsWith("$${{")) return { length: 4, value: "${{" };
		const match = hole.exec(rest);
		if (!match) return undefined;
		const filled = written ? written.fill(match[0]) : match[0];
		if (filled !== match[0]) return { length: match[0].length, value: filled };
		const name = match[1] ?? match[2];
		if (name === undefined) return written ? { length: match[0].length, value: orThrow(match[0]) } : undefined;
		const value = setting.values && Object.hasOwn(setting.values, name) ? setting.values[name] : undefined;
		return value === undefined ? undefined : { length: match[0].length, value };
	};
}

/** Returns a `${{ }}` look-alike unchanged. @throws AgentvError for a reference without a value */
function orThrow(reference: string): string {
	const [unset] = interpolateEnv(reference, {}).uses;
	if (unset) {
		const hint = `Set ${unset.name}, or give it a default: \${{ ${unset.name}:-… }}.`;
		throw new AgentvError("config", `the variable ${unset.name} is not set`, { hint });
	}
	return reference;
}

/** Returns one argument, or several for a list that is the whole word. */
function fillWord(word: string, readHole: HoleReader): string[] {
	const whole = readHole(word);
	if (whole && whole.length === word.length) {
		return typeof whole.value === "string" ? [whole.value] : [...whole.value];
	}
	const pieces: string[] = [];
	let copiedTo = 0;
	// Not character by character: a command can have thousands of long words.
	const start = /[{$]/g;
	for (let match = start.exec(word); match; match = start.exec(word)) {
		const next = readHole(word.slice(match.index));
		if (!next) continue;
		pieces.push(word.slice(copiedTo, match.index), typeof next.value === "string" ? next.value : next.value.join(" "));
		copiedTo = match.index + next.length;
		start.lastIndex = copiedTo;
	}
	return [pieces.join("") + word.slice(copiedTo)];
}

type HoleValue = string | readonly string[];

interface ShellText {
	readonly text: string;
	readonly env: Readonly<Record<string, string>>;
}

/** Reads the hole at the beginning of `rest`; returns undefined if there is none. */
type HoleReader = (rest: string) => { readonly length: number; readonly value: HoleValue } | undefined;

type Mode = "plain" | "double" | "substitution" | "backtick" | "braces" | "parenthesis";

interface Heredoc {
	readonly end: string;
	readonly tabs: boolean;
	readonly literal: boolean;
}

/**
 * Passes values in environment variables, quoted for their context: a shell never parses a
 * variable's value as syntax, so that no value can become a command.
 * @throws AgentvError `config` for a value that would end its here-document
 */
function fillShellText(text: string, readHole: HoleReader, prefix = "AGENTV_VALUE_"): ShellText {
	return new ShellScan(text, readHole, prefix).run();
}

class ShellScan {
	readonly #text: string;
	readonly #readHole: HoleReader;
	readonly #prefix: string;
	readonly #env: Record<string, string> = {};
	readonly #modes: Mode[] = ["plain"];
	#heredocs: Heredoc[] = [];
	#at = 0;
	#out = "";

	constructor(text: string, readHole: HoleReader, prefix: string) {
		this.#text = text;
		this.#readHole = readHole;
		this.#prefix = prefix;
	}

	run(): ShellText {
		while (this.#at < this.#text.length) this.#step();
		return { text: this.#out, env: this.#env };
	}

	/** Whether double quotes are open here: inside `${…}` as outside it. */
	get #quoted(): boolean {
		return this.#modes.findLast((mode) => mode !== "braces") === "double";
	}

	#step(): void {
		const rest = this.#text.slice(this.#at, this.#at + 4096);
		const hole = this.#readHole(rest);
		if (hole) {
			this.#at += hole.length;
			this.#out += this.#quoted ? this.#named(hole.value, "") : this.#named(hole.value, '"');
			return;
		}
		const character = rest[0] ?? "";
		if (character === "\\") this.#take(2);
		else if (rest.startsWith("$(")) this.#push("substitution", 2);
		else if (rest.startsWith("${")) this.#push("braces", 2);
		else if (character === "`") this.#modes.at(-1) === "backtick" ? this.#pop() : this.#push("backtick", 1);
		else if (character === '"') this.#modes.at(-1) === "double" ? this.#pop() : this.#push("double", 1);
		else if (character === "}" && this.#modes.at(-1) === "braces") this.#pop();
		else if (this.#quoted) this.#take(1);
		else this.#plain(character, rest);
	}

	#plain(character: string, rest: string): void {
		const mode = this.#modes.at(-1);
		const heredoc = /^<<(-?)[ \t]*(?:'([^'\n]+)'|"([^"\n]+)"|(\\?)([^\s'"|&;<>()]+))/.exec(rest);
		if (character === "'") this.#singleQuoted();
		else if (character === "(") this.#push("parenthesis", 1);
		else if (character === ")" && (mode === "substitution" || mode === "parenthesis")) this.#pop();
		else if (character === "#" && /^[\s;|&(]?$/.test(this.#text[this.#at - 1] ?? ""))
			this.#take(rest.split("\n", 1)[0]?.length ?? 1);
		else if (heredoc && rest[2] !== "<") {
			const [whole, dash, single, double, backslash, bare] = heredoc;
			const literal = single !== undefined || double !== undefined || backslash !== "";
			this.#heredocs.push({ end: single ?? double ?? bare ?? "", tabs: dash === "-", literal });
			this.#take(whole.length);
		} else {
			this.#take(1);
			if (character === "\n") for (const next of this.#heredocs.splice(0)) this.#heredoc(next);
		}
	}

	/** `'a{X}b'` becomes `'a'"$X"'b'`. */
	#singleQuoted(): void {
		this.#take(1);
		while (this.#at < this.#text.length) {
			const hole = this.#readHole(this.#text.slice(this.#at, this.#at + 4096));
			if (hole) {
				this.#at += hole.length;
				this.#out += `'${this.#named(hole.value, '"', true)}'`;
				continue;
			}
			const ends = this.#text[this.#at] === "'";
			this.#take(1);
			if (ends) return;
		}
	}

	/** A quoted end turns off expansion, so the value itself is inserted. */
	#heredoc({ end, tabs, literal }: Heredoc): void {
		let line = "";
		while (this.#at < this.#text.length) {
			const hole = this.#readHole(this.#text.slice(this.#at, this.#at + 4096));
			if (hole) {
				this.#at += hole.length;
				line += literal ? joined(hole.value) : this.#named(hole.value, "");
				continue;
			}
			const character = this.#text[this.#at++] ?? "";
			line += character;
			if (character !== "\n" && this.#at < this.#text.length) continue;
			this.#out += line;
			const lines = line.replace(/\n$/, "").split("\n");
			const isEnd = (line: string | undefined) => (tabs ? line?.replace(/^\t+/, "") : line) === end;
			if (lines.length > 1 && lines.some(isEnd)) {
				throw new AgentvError(
					"config",
					`a value contains the line ${JSON.stringify(end)}, the end of its here-document`,
				);
			}
			if (isEnd(lines[0])) return;
			line = "";
		}
	}

	/** Several variables inside one pair of quotes (`together`) are one word. */
	#named(value: HoleValue, quote: '"' | "", together = false): string {
		const values = typeof value === "string" || together ? [joined(value)] : value;
		return values
			.map((item) => {
				const name = `${this.#prefix}${Object.keys(this.#env).length + 1}`;
				this.#env[name] = item;
				return `${quote}\${${name}}${quote}`;
			})
			.join(" ");
	}

	#push(mode: Mode, length: number): void {
		this.#modes.push(mode);
		this.#take(length);
	}

	#pop(): void {
		this.#modes.pop();
		this.#take(1);
	}

	#take(length: number): void {
		this.#out += this.#text.slice(this.#at, this.#at + length);
		this.#at += length;
	}
}

function joined(value: HoleValue): string {
	return typeof value === "string" ? value : value.join(" ");
}

export interface OpaqueUse {
	/** A command as written, a program, a package, or a location in a script. */
	readonly what: string;
	/** A sentence without a full stop. */
	readonly why: string;
}

const reasons = {
	shell: "it runs in a shell: only files named by its words are covered",
	inline: "code on the command line: what it imports is not followed",
	program: "a program found on PATH: its version is not covered",
	package: "a package in node_modules: its version is not covered",
	address: "content behind an address is not covered",
	tree: "the directory contains the eval itself: its files are not covered",
} as const;

const inlineCode: readonly (readonly [RegExp, RegExp])[] = [
	[/^(node|bun|deno|tsx)$/, /^(-e|-p|--eval|--print|-pe)$/],
	[/^python[\d.]*$/, /^-c$/],
	[/^(ruby|perl|lua|php)$/, /^(-e|-r|-E)$/],
];

export class OpaqueUses {
	readonly #view: DiskView;
	readonly #uses = new Map<string, OpaqueUse>();
	readonly #seen = new Set<string>();

	constructor(view: DiskView) {
		this.#view = view;
	}

	get all(): readonly OpaqueUse[] {
		return [...this.#uses.values()];
	}

	command(command: CommandSpec, scope: EvalScope): void {
		const key = JSON.stringify([
			"command",
			command.text,
			command.base,
			command.cwd?.raw,
			command.kind,
			scope.directory,
		]);
		if (this.#seen.has(key)) return;
		this.#seen.add(key);
		const { words, others } = commandFiles(command, scope, this.#view);
		const directory = workingDirectory(command, scope.directory);
		for (const file of others) this.script(file, scope, directory);
		if (!words) {
			this.#add(shownCommand(command), "shell");
			return;
		}
		const parsed = parseAsRun(command);
		const texts = words.map(({ text }) => text);
		const first = texts[0] ?? "";
		if (parsed.kind === "argv" && shellScriptIndex(texts) !== undefined) this.#add(shownCommand(command), "shell");
		if (words[0]?.path === undefined && !/[/{]/.test(first)) this.#add(first, "program");
		const options = inlineCode.find(([program]) => program.test(basename(first)))?.[1];
		if (options && texts.some((text) => options.test(text))) this.#add(shownCommand(command), "inline");
		for (const { path } of words) {
			if (path === undefined) continue;
			if (this.#view.kind(path) === "file") this.script(path, scope, directory);
			else if (isInside(path, scope.directory)) this.#add(shownPath(path, scope), "tree");
		}
	}

	script(file: string, scope: EvalScope, directory?: string): void {
		const key = JSON.stringify(["script", file, directory]);
		if (this.#seen.has(key) || !mayBeScript(file)) return;
		this.#seen.add(key);
		const workingDirectories = directory === undefined ? [] : [directory];
		const closure = scriptClosure([file], { view: this.#view, root: scope.root, workingDirectories });
		for (const { at, message, rule } of closure.diagnostics)
			if (rule === "scripts.unknown-import")
				this.#put({ what: `${shownPath(at.file, scope)}:${at.line ?? 1}`, why: message });
		for (const name of closure.packages) this.#add(name, "package");
		for (const name of closure.programs) this.#add(name, "program");
	}

	program(name: string): void {
		this.#add(name, "program");
	}

	address(text: string): void {
		if (!text.startsWith("data:")) this.#add(text, "address");
	}

	#add(what: string, reason: keyof typeof reasons): void {
		this.#put({ what, why: reasons[reason] });
	}

	#put(use: OpaqueUse): void {
		this.#uses.set(JSON.stringify(use), use);
	}
}

const descriptive = new Set(["description", "author", "license", "version", "bundle", "requires"]);

export function evalVariables({ variables }: LoadedEval): PlacedVariable[] {
	return variables.filter(({ at }) => !descriptive.has(String(at.path?.[0])));
}

/** Skips settings that another definition of the chain overrides. */
export function targetVariables(
	targets: Iterable<ResolvedTarget>,
	{ sources }: Pick<TargetScope, "sources">,
): PlacedVariable[] {
	const settings = [...targets].flatMap(({ origin }) =>
		[...origin].map(([key, { part }]): Place => ({ ...part.at, path: [...(part.at.path ?? []), key] })),
	);
	const variables = [...sources.values()].flatMap((source) => source.variables);
	return variables.filter(({ at }) => settings.some((setting) => isPlaceBelow(at, setting)));
}

export function isPlaceBelow(place: Place, above: Place): boolean {
	return (
		place.file === above.file &&
		place.line === above.line &&
		(above.path ?? []).every((key, index) => place.path?.[index] === key)
	);
}

interface CommandServices {
	readonly view: DiskView;
	readonly scope: EvalScope;
	/** The process environment merged over the eval's `.env` files. */
	readonly env: Environment;
}

/** Each command is resolved by `resolveCommand` and runs in its own process group. */
export function commandRunner(services: CommandServices): CommandRunner {
	return async (command, run) => {
		let runnable: RunnableCommand;
		try {
			const { values, defaultCwd, extraWords } = run;
			const env = { ...services.env, ...run.env };
			runnable = resolveCommand(command, { ...services, env, values, defaultCwd, extraWords });
		} catch (error) {
			if (error instanceof AgentvError) return notStarted(error.message);
			throw error;
		}
		const { input, onInput, timeoutMs, signal, maxBuffer, spillDir, onStdout } = run;
		return runOneOfMany({ ...runnable, input, onInput, timeoutMs, signal, maxBuffer, spillDir, onStdout });
	};
}

function notStarted(message: string): ProcessResult {
	return {
		...{ exitCode: null, signal: null, stdout: "", stderr: "", truncated: false, timedOut: false, aborted: false },
		startError: { code: "UNRESOLVED", message },
		durationMs: 0,
	};
}

export const emptyCredential: FindingKind<{ setting: string; name?: string; target?: string }> = {
	rule: "targets.empty-credential",
	severity: "error",
	message: ({ setting, name, target }) => {
		const of = target === undefined ? "" : ` of target ${JSON.stringify(target)}`;
		return name === undefined
			? `\`${setting}\`${of} is empty`
			: `\`${setting}\`${of} is empty: variable ${name} is set to ""`;
	},
	hint: ({ name }) =>
		name === undefined
			? "use a variable with its value, or remove the setting"
			: `set ${name}, or write \${{ ${name}:-}} if it may be empty`,
};

type Sources = Pick<TargetScope, "sources">;

/** An empty default (`${{ KEY:-}}`) is intended. */
export function emptyCredentials(target: ResolvedTarget, scope: Sources): Diagnostic[] {
	const diagnostics: Diagnostic[] = [];
	for (const [key, layer] of target.origin) {
		// A fixed response is not a setting.
		if (key === "response" || key === "responses") continue;
		const visit = (value: unknown, path: readonly [string, ...(string | number)[]]): void => {
			if (typeof value === "object" && value !== null) {
				for (const [inner, item] of Object.entries(value))
					visit(item, [...path, Array.isArray(value) ? Number(inner) : inner]);
				return;
			}
			if (typeof value !== "string") return;
			const { at } = child(layer.part, ...path);
			const variables = variablesAt(at, scope);
			const isNamed = holdsCredential(path);
			const empty = variables.find((variable) => variable.isEmpty === true && (isNamed || isSecretName(variable.name)));
			const shared = { setting: shown(path), target: target.name };
			if (empty) diagnostics.push(finding(emptyCredential, { ...shared, name: empty.name }, at));
			// A variable for a program's environment may be empty on purpose.
			else if (isNamed && value.trim() === "" && variables.length === 0 && path[0] !== "env")
				diagnostics.push(finding(emptyCredential, shared, at));
		};
		visit(target.wire[key], [key]);
	}
	return diagnostics;
}

export function emptyEvalCredentials(loaded: LoadedEval): Diagnostic[] {
	return evalVariables(loaded)
		.filter(({ name, isEmpty }) => isEmpty === true && isSecretName(name))
		.map(({ name, at }) => finding(emptyCredential, { setting: shown(at.path ?? []), name }, at));
}

const addresses: ReadonlySet<string> = new Set(["base_url", "endpoint"]);

function holdsCredential(path: DocumentPath): boolean {
	return path.some(
		(key) => typeof key === "string" && (isSecretName(key) || addresses.has(key) || /^authorization$/i.test(key)),
	);
}

function shown(path: DocumentPath): string {
	return path
		.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`))
		.join("")
		.replace(/^\./, "");
}
