import { dirname, isAbsolute, resolve } from "node:path";
import { type Diagnostic, type FindingKind, finding, type Place } from "../lib/errors.ts";
import { linksLeavingTree } from "../machine/copy-tree.ts";
import { fileSize, isInside, largestHashed } from "../machine/files.ts";
import { listTree } from "../machine/find-files.ts";
import {
	backslashedFile,
	type CommandSpec,
	type CommandWord,
	fileOfWord,
	meansFile,
	parseAsRun,
	shellScriptIndex,
	wordBases,
} from "./command.ts";
import type { EvalScope } from "./discover-evals.ts";
import {
	type Assertion,
	type Hooks,
	hookNames,
	type LoadedEval,
	type LoadedFile,
	type Message,
	type Suite,
	type TestCase,
	type Workspace,
} from "./eval-types.ts";
import { isAddress, type PathFound, type PathText, resolvePath } from "./read-shape.ts";
import type { ResolvedTarget } from "./resolve-target.ts";
import type { DiskView } from "./source.ts";

export type ReferenceKind =
	| "tests"
	| "suite"
	| "workspace-file"
	| "include"
	| "prompt-file"
	| "template"
	| "repository"
	| "input-file"
	| "prompt"
	| "metadata-file"
	| "fixtures"
	| "hook"
	| "grader"
	| "target-command"
	| "healthcheck"
	| "preprocessor"
	| "prompt-command"
	| "working-directory"
	| "extension"
	| "agent-rules"
	| "custom-grader";

const nouns: Readonly<Record<ReferenceKind, string>> = {
	tests: "test data",
	suite: "suite",
	"workspace-file": "workspace file",
	include: "assertion include",
	"prompt-file": "prompt file",
	template: "workspace template",
	repository: "repository",
	"input-file": "input file",
	prompt: "prompt file",
	"metadata-file": "file",
	fixtures: "fixtures file",
	hook: "hook script",
	grader: "grader script",
	"target-command": "target script",
	healthcheck: "health check script",
	preprocessor: "preprocessor script",
	"prompt-command": "prompt script",
	"working-directory": "working directory",
	extension: "extension module",
	"agent-rules": "agent rules",
	"custom-grader": "grader program",
};

/** Returns the noun for a reference in messages. */
export function referenceNoun({ kind }: Pick<Reference, "kind">): string {
	return nouns[kind];
}

/** `opaque`: a shell text. `run-time`: the path exists only while a test runs. */
export type ReferenceState = "ok" | "missing" | "outside-eval" | "outside-root" | "opaque" | "run-time";

/** A path, URL or program that an eval refers to. */
export interface Reference {
	readonly kind: ReferenceKind;
	/** As written, after `${{ }}`. */
	readonly raw: string;
	readonly at: Place;
	/** Directory that `raw` is relative to. */
	readonly base: string;
	/** Absolute path; for `missing`, the first candidate. */
	readonly resolved: string;
	readonly state: ReferenceState;
	readonly found: PathFound | undefined;
	/** The kind of what is at `resolved`. */
	readonly onDisk: "file" | "directory" | "link" | "other" | "missing";
	/** A pattern; `resolved` is its base directory. */
	readonly glob?: true;
	/** A file found through a directory or a pattern: `raw` is not written anywhere. */
	readonly listed?: true;
	/** For a word of a command. */
	readonly word?: CommandWord;
	/** For words and working directories: the whole command. */
	readonly command?: CommandSpec;
}

/** `/bin/sh`, `/usr/bin/env` and `/dev/null` are equal on every machine. */
export function isSystemPath({ word, resolved }: Reference): boolean {
	return (
		word !== undefined &&
		/^\/(?:(?:usr\/)?bin\/|dev\/(?:null|zero|random|urandom|stdin|stdout|stderr|tty)$)/.test(resolved)
	);
}

/** A program named by a bare word (`node`, `git`), found through PATH at run time. */
export interface ExecutableUse {
	readonly name: string;
	readonly at: Place;
	readonly command: CommandSpec;
}

/** A command, whether or not it names files. */
export interface CommandUse {
	readonly kind: ReferenceKind;
	readonly command: CommandSpec;
}

export interface References {
	readonly files: readonly Reference[];
	readonly executables: readonly ExecutableUse[];
	readonly commands: readonly CommandUse[];
}

/** Read as files, not directories. The loader checks the files that it reads. */
const files: ReadonlySet<ReferenceKind> = new Set([
	...(["input-file", "prompt", "metadata-file", "fixtures", "extension", "custom-grader"] as const),
]);

const notRegular: FindingKind<{ raw: string; directory: boolean }> = {
	rule: "path.missing",
	severity: "error",
	message: ({ raw, directory }) =>
		`${JSON.stringify(raw)} is ${directory ? "a directory, not a file" : "a device, pipe, socket or file of the kernel"}`,
	hint: ({ directory }) => (directory ? "use a file in it" : "use a file or directory on disk: nothing else is opened"),
};

const tooLarge: FindingKind<{ raw: string; size: number }> = {
	rule: "path.missing",
	severity: "error",
	message: ({ raw, size }) =>
		`${JSON.stringify(raw)} has ${size} bytes, more than the ${largestHashed} allowed for a file that an eval uses`,
	hint: () => "use a smaller file, or fetch it into the workspace in a hook",
};

/** Paths in a directory that would make copying it fail. */
export interface TreeFaults {
	readonly special: readonly string[];
	/** Links to outside. */
	readonly links: readonly string[];
}

const holdsSpecial: FindingKind<{ noun: string; raw: string; paths: readonly string[] }> = {
	rule: "path.missing",
	severity: "error",
	message: ({ noun, raw, paths }) =>
		`${noun} ${JSON.stringify(raw)} contains entries that are not files, directories or links: ${shownPaths(paths)}`,
	hint: () => "remove it: nothing else is copied",
};

const leavingLinks: FindingKind<{ noun: string; raw: string; paths: readonly string[] }> = {
	rule: "path.symlink-escape",
	severity: "error",
	message: ({ noun, raw, paths }) =>
		`${noun} ${JSON.stringify(raw)} has a symbolic link that leaves it: ${shownPaths(paths)}`,
	hint: () => "replace the link with its target",
};

function shownPaths(paths: readonly string[]): string {
	return `${paths.slice(0, 3).join(", ")}${paths.length > 3 ? ", …" : ""}`;
}

/** Scans a directory that a run copies. @param isLeftOut what is not copied */
export function treeFaults(directory: string, isLeftOut: (path: string) => boolean): TreeFaults {
	const entries = listTree(directory, { filter: (path) => !isLeftOut(path) });
	return {
		special: entries.filter(({ kind }) => kind === "other").map(({ path }) => path),
		links: linksLeavingTree(entries).map(({ path }) => path),
	};
}

/** Returns findings about templates that a run would refuse to copy. */
export function irregularTemplates(
	references: readonly Reference[],
	faultsOf: (directory: string) => Partial<TreeFaults>,
): Diagnostic[] {
	return references.flatMap((reference) => {
		if (reference.kind !== "template" || reference.onDisk !== "directory") return [];
		const { special = [], links = [] } = faultsOf(reference.resolved);
		const data = { noun: referenceNoun(reference), raw: reference.raw };
		return [
			...(special.length > 0 ? [finding(holdsSpecial, { ...data, paths: special }, reference.at)] : []),
			...(links.length > 0 ? [finding(leavingLinks, { ...data, paths: links }, reference.at)] : []),
		];
	});
}

/** Returns a finding for each path that is never opened: reading it can block, or never end. */
export function irregularReferences(references: readonly Reference[]): Diagnostic[] {
	return references.flatMap((reference) => {
		const { raw, onDisk, at } = reference;
		if (isIrregular(reference)) return [finding(notRegular, { raw, directory: onDisk === "directory" }, at)];
		const size = onDisk === "file" && files.has(reference.kind) ? fileSize(reference.resolved) : 0;
		return size > largestHashed ? [finding(tooLarge, { raw, size }, at)] : [];
	});
}

function isIrregular({ kind, onDisk, state, word }: Reference): boolean {
	if (onDisk === "directory") return files.has(kind);
	// Devices and sockets are opened by programs, which get them as arguments.
	return onDisk === "other" && !(word !== undefined && word.index > 0 && state === "outside-root");
}

/**
 * Walks a loaded eval and its targets once, and returns all their references. Validation checks the
 * list, bundling copies and rewrites it, the runner resolves it, fingerprints hash it. Fields that
 * can contain a path are handled only here.
 */
export function collectReferences(loaded: LoadedEval, targets: readonly ResolvedTarget[], view: DiskView): References {
	const walk = new Walk(view, loaded.scope);
	for (const file of loaded.files) walk.loaded(file, loaded.scope);
	const suites = new Set<Suite>([loaded.suite, ...loaded.tests.map((test) => test.suite)]);
	for (const suite of suites) walk.suite(suite);
	const seen = new Set<Assertion>();
	for (const test of loaded.tests) walk.test(test, seen);
	for (const target of targets) walk.target(target, loaded.scope);
	return { files: [...walk.files.values()], executables: walk.executables, commands: walk.commands };
}

const loadedKinds = {
	tests: "tests",
	suite: "suite",
	workspace: "workspace-file",
	include: "include",
	prompt: "prompt-file",
} as const;

class Walk {
	/** By location, kind and text: many tests can share one reference. */
	readonly files = new Map<string, Reference>();
	readonly executables: ExecutableUse[] = [];
	readonly commands: CommandUse[] = [];
	readonly #view: DiskView;
	readonly #scope: EvalScope;
	readonly #seenCommands = new Set<string>();

	constructor(view: DiskView, scope: EvalScope) {
		this.#view = view;
		this.#scope = scope;
	}

	loaded({ kind, path, resolved, found }: LoadedFile, scope: EvalScope): void {
		if (found === undefined) {
			this.path(loadedKinds[kind], path, scope);
			return;
		}
		const onDisk = this.#view.kind(resolved);
		const there = onDisk !== "missing";
		this.files.set(keyOf(loadedKinds[kind], path.at, `${found} ${resolved}`), {
			...{ kind: loadedKinds[kind], raw: path.raw, at: path.at, base: path.base, resolved, onDisk },
			state: there ? this.#reach(resolved) : "missing",
			found: there ? "direct" : undefined,
			...(found === "glob" ? { glob: true } : { listed: true }),
		});
	}

	suite(suite: Suite): void {
		if (suite.workspace) this.workspace(suite.workspace, suite.scope);
		for (const preprocessor of suite.preprocessors) this.command("preprocessor", preprocessor.command, suite.scope);
		for (const extension of suite.extensions) {
			if (extension.kind === "module") this.path("extension", extension.module, suite.scope);
			else
				for (const paths of Object.values(extension.paths ?? {}))
					for (const path of paths) this.path("agent-rules", path, suite.scope);
		}
	}

	test(test: TestCase, seen: Set<Assertion>): void {
		const { scope } = test.suite;
		this.messages([...test.input, ...test.expectedMessages, ...test.turns.flatMap((turn) => turn.input)], scope);
		for (const path of test.metadataFiles) this.path("metadata-file", path, scope);
		if (test.workspace) this.workspace(test.workspace, scope);
		for (const assertion of [...test.assertions, ...test.turns.flatMap((turn) => turn.assertions)])
			this.assertion(assertion, scope, seen);
	}

	messages(messages: readonly Message[], scope: EvalScope): void {
		for (const { content } of messages) {
			if (typeof content === "string") continue;
			for (const piece of content)
				if (piece.type !== "text" && !isAddress(piece.path.raw)) this.path("input-file", piece.path, scope);
		}
	}

	workspace(workspace: Workspace, scope: EvalScope): void {
		if (workspace.template) this.path("template", workspace.template, scope);
		for (const repo of workspace.repos) if (repo.local) this.path("repository", repo.local, scope);
		this.hooks(workspace.hooks, scope);
	}

	hooks(hooks: Hooks, scope: EvalScope): void {
		for (const name of hookNames) {
			const command = hooks[name]?.command;
			if (command) this.command("hook", command, scope);
		}
	}

	assertion(assertion: Assertion, scope: EvalScope, seen: Set<Assertion>): void {
		if (seen.has(assertion)) return;
		seen.add(assertion);
		if (assertion.type === "custom") {
			if (assertion.cwd) this.path("working-directory", assertion.cwd, scope);
			this.path("custom-grader", { raw: assertion.program, at: assertion.at, base: dirname(assertion.program) }, scope);
		}
		if (assertion.promptFile) this.path("prompt", assertion.promptFile, scope);
		if (assertion.command)
			this.command(assertion.type === "llm-grader" ? "prompt-command" : "grader", assertion.command, scope);
		for (const part of assertion.parts ?? []) this.assertion(part, scope, seen);
	}

	target(target: ResolvedTarget, scope: EvalScope): void {
		if (target.command) this.command("target-command", target.command, scope);
		if (target.healthcheck) this.command("healthcheck", target.healthcheck, scope);
		if (target.fixtures) this.path("fixtures", target.fixtures, scope);
		if (target.cwd && !target.command) this.path("working-directory", target.cwd, scope);
		this.hooks(target.hooks, scope);
	}

	path(kind: ReferenceKind, text: PathText, scope: EvalScope): void {
		const key = keyOf(kind, text.at, text.raw);
		if (this.files.has(key)) return;
		const resolved = resolvePath(text, scope, this.#view);
		const state = resolved.runTime ? "run-time" : resolved.found === undefined ? "missing" : this.#reach(resolved.path);
		this.files.set(key, {
			kind,
			raw: text.raw,
			at: text.at,
			base: text.base,
			resolved: resolved.path,
			state,
			found: resolved.found,
			onDisk: resolved.kind,
		});
	}

	command(kind: ReferenceKind, command: CommandSpec, scope: EvalScope): void {
		const key = keyOf(kind, command.at, JSON.stringify(command.text));
		if (this.#seenCommands.has(key)) return;
		this.#seenCommands.add(key);
		this.commands.push({ kind, command });
		if (command.cwd) this.#workingDirectory(command, command.cwd, scope);
		const parsed = parseAsRun(command);
		if (parsed.kind === "shell") {
			this.#opaque(kind, parsed.text, command.at, command);
			return;
		}
		const script = shellScriptIndex(parsed.words.map(({ text }) => text));
		for (const word of parsed.words) {
			if (word.index === script) this.#opaque(kind, word.text, wordPlace(command, word), command);
			else this.#word(kind, word, command);
		}
		const first = parsed.words[0];
		if (first && !first.text.includes("/") && !first.text.includes("{"))
			this.executables.push({ name: first.text, at: command.at, command });
	}

	/** A shell text: only the shell knows which files it uses. */
	#opaque(kind: ReferenceKind, raw: string, at: Place, command: CommandSpec): void {
		const { base } = command;
		const nothing = { resolved: base, state: "opaque", found: undefined, onDisk: "missing" } as const;
		this.files.set(keyOf(kind, at, raw), { kind, raw, at, base, ...nothing, command });
	}

	#workingDirectory(command: CommandSpec, cwd: PathText, scope: EvalScope): void {
		const key = keyOf("working-directory", cwd.at, cwd.raw);
		const resolved = resolvePath(cwd, scope, this.#view);
		const state = resolved.runTime ? "run-time" : resolved.found === undefined ? "missing" : this.#reach(resolved.path);
		this.files.set(key, {
			kind: "working-directory",
			raw: cwd.raw,
			at: cwd.at,
			base: cwd.base,
			resolved: resolved.path,
			state,
			found: resolved.found,
			onDisk: resolved.kind,
			command,
		});
	}

	#word(kind: ReferenceKind, word: CommandWord, command: CommandSpec): void {
		const path = fileOfWord(word.text, command, this.#view);
		const key = keyOf(kind, command.at, `${word.index} ${word.text}`);
		const base = wordBases(command)[0] ?? command.base;
		const shared = { kind, raw: word.text, at: wordPlace(command, word), base, word, command };
		if (path !== undefined) {
			this.files.set(key, {
				...shared,
				base: this.#baseOf(path, word, command),
				resolved: path,
				state: this.#reach(path),
				found: word.text.startsWith("/") ? "absolute" : "direct",
				onDisk: this.#view.kind(path),
			});
			return;
		}
		const backslashed = backslashedFile(word, command, this.#view);
		if (backslashed !== undefined) {
			const raw = String(command.text).slice(...word.range);
			const reached = { resolved: backslashed, state: this.#reach(backslashed), onDisk: this.#view.kind(backslashed) };
			this.files.set(key, { ...shared, ...reached, raw, found: "direct" });
			return;
		}
		const searched = word.text.includes("{") ? undefined : this.#searchedWord(shared, word, command);
		if (searched) this.files.set(key, searched);
		else if (kind !== "target-command" || command.cwd) this.#bareWord(key, shared, word);
	}

	/** A bare `check.py` stays as written, but the command needs it. */
	#bareWord(
		key: string,
		shared: Pick<Reference, "kind" | "raw" | "at" | "base"> & { word: CommandWord; command: CommandSpec },
		word: CommandWord,
	): void {
		if (word.index === 0 || !/^[\w][\w.-]*\.\w+$/.test(word.text)) return;
		const path = resolve(shared.base, word.text);
		if (this.#view.kind(path) === "file")
			this.files.set(key, { ...shared, resolved: path, state: this.#reach(path), found: "direct", onDisk: "file" });
	}

	/**
	 * Returns a word that certainly means a file that does not exist as written: other letter case,
	 * backslashes, or (older evals) somewhere in a parent directory. Undefined for words with other
	 * possible meanings.
	 */
	#searchedWord(
		shared: Pick<Reference, "kind" | "raw" | "at" | "base"> & { word: CommandWord; command: CommandSpec },
		word: CommandWord,
		command: CommandSpec,
	): Reference | undefined {
		const backslashes = word.text.includes("\\") && typeof command.text !== "string";
		const plain = meansFile(word.text) || (word.index === 0 && isAbsolute(word.text));
		if (!plain && !backslashes) return undefined;
		const resolved = resolvePath({ raw: word.text, at: command.at, base: shared.base }, this.#scope, this.#view);
		if (!plain && resolved.found === undefined) return undefined;
		const state = resolved.found === undefined ? "missing" : this.#reach(resolved.path);
		return { ...shared, resolved: resolved.path, state, found: resolved.found, onDisk: resolved.kind };
	}

	#baseOf(path: string, word: CommandWord, command: CommandSpec): string {
		return wordBases(command).find((base) => resolve(base, word.text) === path) ?? command.base;
	}

	#reach(path: string): ReferenceState {
		if (!isInside(this.#scope.root, path)) return "outside-root";
		return isInside(this.#scope.directory, path) ? "ok" : "outside-eval";
	}
}

function keyOf(kind: ReferenceKind, at: Place, text: string): string {
	return `${kind}\0${at.file}\0${at.line ?? ""}\0${(at.path ?? []).join("\0")}\0${text}`;
}

/** A word of a list has its own location; one of a string shares the string's. */
function wordPlace(command: CommandSpec, word: CommandWord): Place {
	return typeof command.text === "string"
		? command.at
		: { ...command.at, path: [...(command.at.path ?? []), word.index] };
}

/** Returns the smallest directory with everything that the eval needs from its root. */
export function portableRoot(loaded: LoadedEval, references: References, more: readonly string[] = []): string {
	const needed = references.files
		.filter((reference) => reference.state === "ok" || reference.state === "outside-eval")
		.map((reference) => reference.resolved)
		.concat(more.filter((path) => isInside(loaded.scope.root, path)));
	let root = loaded.scope.directory;
	while (root !== loaded.scope.root && !needed.every((path) => isInside(root, path))) root = dirname(root);
	return root;
}
