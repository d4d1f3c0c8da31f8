import { dirname, isAbsolute, resolve } from "node:path";
import { toWireKey } from "../format/codec.ts";
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
	type Suite,
	suitesOf,
	type TestCase,
	type Workspace,
	withParts,
	withTurns,
} from "./eval-types.ts";
import {
	isAddress,
	type PathFound,
	type PathText,
	type ReferenceKind,
	referenceNoun,
	resolvePath,
} from "./read-shape.ts";
import type { ResolvedTarget } from "./resolve-target.ts";
import type { DiskView } from "./source.ts";

interface Origin {
	readonly owner: Suite | TestCase | Assertion | ResolvedTarget;
	readonly scope: EvalScope;
	/** Name of the hook, extension, preprocessor, grader or target; else empty. */
	readonly name: string;
}

export type Visit = Origin &
	(
		| { readonly path: PathText; readonly command?: never; readonly program?: never }
		| { readonly command: CommandSpec; readonly path?: never; readonly program?: never }
		| {
				readonly program: { readonly name: string; readonly at: Place };
				readonly path?: never;
				readonly command?: never;
		  }
	);

/**
 * Yields every path and command, shared graders once. No other code visits fields, so that
 * references, bundles, consent and fingerprints agree.
 */
export function* visit(loaded: LoadedEval, targets: readonly ResolvedTarget[]): Generator<Visit> {
	for (const suite of suitesOf(loaded)) yield* visitSuite(suite);
	const graders = new Set<Assertion>();
	for (const test of loaded.tests) {
		yield* visitTest(test);
		for (const grader of withParts(withTurns(test.assertions, test))) {
			if (graders.has(grader)) continue;
			graders.add(grader);
			yield* visitGrader(grader, test.suite.scope);
		}
	}
	for (const target of targets) yield* visitTarget(target, loaded.scope);
}

export function* visitSuite(suite: Suite): Generator<Visit> {
	const from = { owner: suite, scope: suite.scope, name: "" };
	if (suite.workspace) yield* visitWorkspace(suite.workspace, from);
	for (const { command, type } of suite.preprocessors) yield { ...from, command, name: type };
	for (const extension of suite.extensions) {
		if (extension.kind === "module") yield { ...from, path: extension.module, name: extension.exportName };
		else for (const path of Object.values(extension.paths ?? {}).flat()) yield { ...from, path };
	}
}

export function* visitTest(test: TestCase): Generator<Visit> {
	const from = { owner: test, scope: test.suite.scope, name: "" };
	for (const { content } of [...test.input, ...test.expectedMessages, ...test.turns.flatMap(({ input }) => input)])
		if (typeof content !== "string")
			for (const piece of content) if (piece.type !== "text") yield { ...from, path: piece.path };
	for (const path of test.metadataFiles) yield { ...from, path };
	if (test.workspace) yield* visitWorkspace(test.workspace, from);
}

function* visitWorkspace({ template, repos, hooks }: Workspace, from: Origin): Generator<Visit> {
	if (template) yield { ...from, path: template };
	for (const { local } of repos) if (local) yield { ...from, path: local };
	yield* visitHooks(hooks, from);
}

function* visitHooks(hooks: Hooks, from: Origin): Generator<Visit> {
	for (const name of hookNames) {
		const command = hooks[name]?.command;
		if (command) yield { ...from, command, name: `${from.name}${toWireKey(name)}` };
	}
}

export function* visitGrader(grader: Assertion, scope: EvalScope): Generator<Visit> {
	const { name, at, command, promptFile } = grader;
	const from = { owner: grader, scope, name };
	if (grader.type === "custom") {
		const { program, cwd } = grader;
		if (cwd) yield { ...from, path: cwd };
		yield { ...from, path: { kind: "custom-grader", raw: program, at, base: dirname(program) } };
	}
	if (promptFile) yield { ...from, path: promptFile };
	if (command) yield { ...from, command };
}

export function* visitTarget(target: ResolvedTarget, scope: EvalScope): Generator<Visit> {
	const { name, at, command, healthcheck, fixtures, cwd, settings } = target;
	const from = { owner: target, scope, name };
	if (command) yield { ...from, command };
	else if ("executable" in settings && settings.executable !== undefined)
		yield { ...from, program: { name: settings.executable, at } };
	if (healthcheck) yield { ...from, command: healthcheck };
	if (fixtures) yield { ...from, path: fixtures };
	if (cwd && !command) yield { ...from, path: cwd };
	yield* visitHooks(target.hooks, { ...from, name: `${name} ` });
}

/** `opaque`: a shell text. `run-time`: the path exists only while a test runs. */
type ReferenceState = "ok" | "missing" | "outside-eval" | "outside-root" | "opaque" | "run-time";

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
	readonly onDisk: "file" | "directory" | "link" | "other" | "missing";
	/** A pattern; `resolved` is its base directory. */
	readonly glob?: true;
	/** A file found through a directory or a pattern: `raw` is not written anywhere. */
	readonly listed?: true;
	readonly word?: CommandWord;
	readonly command?: CommandSpec;
}

/** `/bin/sh`, `/usr/bin/env` and `/dev/null` are equal on every machine. */
export function isSystemPath({ word, resolved }: Reference): boolean {
	return (
		word !== undefined &&
		/^\/(?:(?:usr\/)?bin\/|dev\/(?:null|zero|random|urandom|stdin|stdout|stderr|tty)$)/.test(resolved)
	);
}

/** A bare word (`node`, `git`) that is found through PATH at run time. */
interface ExecutableUse {
	readonly name: string;
	readonly at: Place;
	readonly command: CommandSpec;
}

export interface References {
	readonly files: readonly Reference[];
	readonly executables: readonly ExecutableUse[];
	readonly commands: readonly CommandSpec[];
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

export interface TreeFaults {
	readonly special: readonly string[];
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

export function treeFaults(directory: string, isLeftOut: (path: string) => boolean): TreeFaults {
	const entries = listTree(directory, { filter: (path) => !isLeftOut(path) });
	return {
		special: entries.filter(({ kind }) => kind === "other").map(({ path }) => path),
		links: linksLeavingTree(entries).map(({ path }) => path),
	};
}

/** A run would refuse to copy these templates. */
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

/** Reading such a path could block or never end, so it is never opened. */
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

/** Validation, bundling, the runner and fingerprints use this list. */
export function collectReferences(loaded: LoadedEval, targets: readonly ResolvedTarget[], view: DiskView): References {
	const collection = new Collection(view, loaded.scope);
	for (const file of loaded.files) collection.loaded(file);
	for (const { path, command, scope } of visit(loaded, targets)) {
		if (path && !(path.kind === "input-file" && isAddress(path.raw))) collection.path(path, scope);
		if (command) collection.command(command, scope);
	}
	return { files: [...collection.files.values()], executables: collection.executables, commands: collection.commands };
}

class Collection {
	/** By location, kind and text: many tests can share one reference. */
	readonly files = new Map<string, Reference>();
	readonly executables: ExecutableUse[] = [];
	readonly commands: CommandSpec[] = [];
	readonly #view: DiskView;
	readonly #scope: EvalScope;
	readonly #seenCommands = new Set<string>();

	constructor(view: DiskView, scope: EvalScope) {
		this.#view = view;
		this.#scope = scope;
	}

	loaded({ path, resolved, found }: LoadedFile): void {
		if (found === undefined) {
			this.path(path, this.#scope);
			return;
		}
		const onDisk = this.#view.kind(resolved);
		const exists = onDisk !== "missing";
		this.files.set(keyOf(path.kind, path.at, `${found} ${resolved}`), {
			...path,
			...{ resolved, onDisk },
			state: exists ? this.#reach(resolved) : "missing",
			found: exists ? "direct" : undefined,
			...(found === "glob" ? { glob: true } : { listed: true }),
		});
	}

	path(path: PathText, scope: EvalScope, command?: CommandSpec): void {
		const key = keyOf(path.kind, path.at, path.raw);
		if (this.files.has(key) && !command) return;
		const { path: resolved, found, kind: onDisk, runTime } = resolvePath(path, scope, this.#view);
		const state = runTime ? "run-time" : found === undefined ? "missing" : this.#reach(resolved);
		this.files.set(key, { ...path, ...{ resolved, state, found, onDisk }, ...(command ? { command } : {}) });
	}

	command(command: CommandSpec, scope: EvalScope): void {
		const key = keyOf(command.kind, command.at, JSON.stringify(command.text));
		if (this.#seenCommands.has(key)) return;
		this.#seenCommands.add(key);
		this.commands.push(command);
		if (command.cwd) this.path(command.cwd, scope, command);
		const parsed = parseAsRun(command);
		if (parsed.kind === "shell") {
			this.#opaque(parsed.text, command.at, command);
			return;
		}
		const script = shellScriptIndex(parsed.words.map(({ text }) => text));
		for (const word of parsed.words) {
			if (word.index === script) this.#opaque(word.text, wordPlace(command, word), command);
			else this.#word(word, command);
		}
		const first = parsed.words[0];
		if (first && !first.text.includes("/") && !first.text.includes("{"))
			this.executables.push({ name: first.text, at: command.at, command });
	}

	/** A shell text: only the shell knows which files it uses. */
	#opaque(raw: string, at: Place, command: CommandSpec): void {
		const { kind, base } = command;
		const nothing = { resolved: base, state: "opaque", found: undefined, onDisk: "missing" } as const;
		this.files.set(keyOf(kind, at, raw), { kind, raw, at, base, ...nothing, command });
	}

	#word(word: CommandWord, command: CommandSpec): void {
		const base = wordBases(command)[0] ?? command.base;
		const file = this.#fileOfWord(word, command, base);
		if (!file) return;
		const shared = { kind: command.kind, raw: word.text, at: wordPlace(command, word), base, word, command };
		this.files.set(keyOf(command.kind, command.at, `${word.index} ${word.text}`), { ...shared, ...file });
	}

	#fileOfWord(
		word: CommandWord,
		command: CommandSpec,
		base: string,
	): (Partial<Reference> & Pick<Reference, "resolved" | "state" | "found" | "onDisk">) | undefined {
		const { text, index } = word;
		const existing = (path: string, found: PathFound) => {
			return { resolved: path, state: this.#reach(path), found, onDisk: this.#view.kind(path) };
		};
		const path = fileOfWord(text, command, this.#view);
		if (path !== undefined) {
			const from = wordBases(command).find((directory) => resolve(directory, text) === path) ?? command.base;
			return { ...existing(path, text.startsWith("/") ? "absolute" : "direct"), base: from };
		}
		const backslashed = backslashedFile(word, command, this.#view);
		if (backslashed !== undefined)
			return { ...existing(backslashed, "direct"), raw: String(command.text).slice(...word.range) };
		// A path that does not exist as written: other letter case, backslashes, or (older evals)
		// somewhere in a parent directory.
		const isPath = meansFile(text) || (index === 0 && isAbsolute(text));
		if (!text.includes("{") && (isPath || (text.includes("\\") && typeof command.text !== "string"))) {
			const searched = resolvePath({ raw: text, base }, this.#scope, this.#view);
			if (searched.found !== undefined) return existing(searched.path, searched.found);
			if (isPath) return { resolved: searched.path, state: "missing", found: undefined, onDisk: searched.kind };
		}
		// A bare `check.py` stays as written, but the command needs it.
		const bare = resolve(base, text);
		const isNeeded = index > 0 && /^[\w][\w.-]*\.\w+$/.test(text) && (command.kind !== "target-command" || command.cwd);
		return isNeeded && this.#view.kind(bare) === "file" ? existing(bare, "direct") : undefined;
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
