import { isAbsolute } from "node:path";
import { commonKeys } from "../format/assertion-entry.ts";
import { canonicalJson } from "../lib/json.ts";
import { backslashedFile, type CommandSpec, fileOfWord, meansFile, parseAsRun } from "./command.ts";
import type { EvalScope } from "./discover-evals.ts";
import type { Assertion, LoadedEval, TestCase } from "./eval-types.ts";
import { type PathText, type ReferenceKind, resolvePath } from "./read-shape.ts";
import type { Reference, References } from "./references.ts";
import type { ResolvedTarget, TargetUse } from "./resolve-target.ts";
import type { DiskView } from "./source.ts";

/** How one of two compared evals names files. */
export interface FileNames {
	readonly scope: EvalScope;
	readonly view: DiskView;
	path(path: PathText): string;
	/** Names a word of a command by the absolute path that it refers to. */
	file(path: string, kind: ReferenceKind): string;
	/** Undefined if it is no part of the meaning. */
	workingDirectory(command: CommandSpec): string | undefined;
}

/** Fields about where or how something is written. */
const written = ["at", "base", "commitAt", "includedBy", "file", "local", "program", "scope"];
/** Fields with user-defined keys. */
const userData = new Set(["vars", "rest", "toolCalls", "env", "metadata"]);

/** Reads loaded values as plain data that is equal for equal meaning. */
export class Meaning {
	readonly #names: FileNames;
	readonly #omitted: ReadonlySet<string>;

	/** @param omitted fields that aren't compared */
	constructor(names: FileNames, omitted: readonly string[]) {
		this.#names = names;
		this.#omitted = new Set([...written, ...omitted]);
	}

	of(value: unknown): unknown {
		if (typeof value !== "object" || value === null) return value;
		if (Array.isArray(value)) return value.map((item) => this.of(item));
		if (isCommand(value)) return this.#command(value);
		if (isPath(value)) return this.#names.path(value);
		// An eval's inline target is included, resolved, among the targets.
		if ("inline" in value && "name" in value) return { inline: value.name };
		return this.fields(value);
	}

	fields(value: object): Record<string, unknown> {
		const fields: Record<string, unknown> = {};
		for (const [key, item] of Object.entries(value)) {
			if (this.#omitted.has(key)) continue;
			fields[key] = key === "settings" ? settingsOf(item) : userData.has(key) ? item : this.of(item);
		}
		// A user's program runs in the directory of the file that names it.
		if ("customType" in value) fields.cwd = this.#names.workingDirectory(customCommand(value as CustomAssertion));
		return fields;
	}

	target({ wire, graderTarget, command, cwd, healthcheck, fixtures, hooks }: ResolvedTarget): Record<string, unknown> {
		return {
			...wire,
			...{ grader_target: graderTarget, judge_target: undefined },
			command: this.of(command),
			cwd: command ? undefined : this.of(cwd),
			healthcheck: this.of(healthcheck),
			fixtures: this.of(fixtures),
			hooks: this.of(hooks),
		};
	}

	#command(command: CommandSpec): unknown {
		const { scope, view } = this.#names;
		const parsed = parseAsRun(command);
		const cwd = this.#names.workingDirectory(command);
		if (parsed.kind === "shell") return { shell: parsed.text, cwd };
		const words = parsed.words.map((word) => {
			const { text, index } = word;
			const file = fileOfWord(text, command, view) ?? backslashedFile(word, command, view);
			if (file !== undefined) return { file: this.#names.file(file, command.kind) };
			const isPath = meansFile(text) || text.includes("\\") || (index === 0 && isAbsolute(text));
			const found =
				isPath && !text.includes("{") ? resolvePath({ raw: text, base: command.base }, scope, view) : undefined;
			return found?.found === undefined ? text : { file: this.#names.file(found.path, command.kind) };
		});
		return { words, cwd };
	}
}

type CustomAssertion = Extract<Assertion, { type: "custom" }>;

/** Returns a custom grader as a command, to apply the common working directory rule. */
export function customCommand({ at, base, cwd }: CustomAssertion): CommandSpec {
	return { kind: "custom-grader", text: [], at, base, cwd };
}

/** Without what every grader has, and without a prompt's command. */
function settingsOf(settings: object): unknown {
	const own = Object.fromEntries(Object.entries(settings).filter(([key]) => !commonKeys.has(key)));
	const { prompt } = own as { prompt?: string | { config?: unknown } };
	return { ...own, prompt: typeof prompt === "object" ? prompt.config : prompt };
}

function isPath(value: object): value is PathText {
	return "raw" in value && "base" in value && "at" in value;
}

function isCommand(value: object): value is CommandSpec {
	return "text" in value && "base" in value && "at" in value;
}

export interface MeaningOptions {
	/** Ignores which commit a repository is pinned to. */
	readonly withoutCommits?: boolean;
}

/**
 * Returns a text that is equal for evals with equal meaning: tests, graders, workspaces and
 * resolved targets, with every path as its absolute target. Spelling (file, line, form of a path,
 * order of keys, the chain of a target) is not part of it. For checking that a rewritten eval is
 * unchanged.
 */
export function evalMeaning(
	loaded: LoadedEval,
	uses: readonly TargetUse[],
	references: References,
	view: DiskView,
	{ withoutCommits }: MeaningOptions = {},
): string {
	const names = namesBelowRoot(loaded.scope, view);
	const meaning = new Meaning(names, withoutCommits ? ["commit"] : []);
	const { suite, tests, name, description, tags, metadata, requires, workers, budgetUsd, experiment, bundle } = loaded;
	const ofTest = ({ metadataFiles, ...test }: TestCase) => ({
		...meaning.fields({ ...test, suite: test.suite === suite ? undefined : test.suite }),
		metadata: withFiles(test.metadata, new Map(metadataFiles.map((path) => [path.raw, names.path(path)]))),
	});
	const ofUse = ({ role, choice, resolution }: TargetUse) => ({
		...{ role, name: choice.name },
		...(resolution.ok
			? { target: meaning.target(resolution.target) }
			: { wrong: resolution.diagnostics.map(({ rule }) => rule).sort() }),
	});
	return canonicalJson({
		...{ name, description, tags, metadata, requires, workers, budgetUsd, experiment, bundle },
		suite: meaning.of(suite),
		tests: tests.map(ofTest),
		targets: distinct(uses.map((use) => canonicalJson(ofUse(use)))),
		files: distinct(references.files.map((reference) => referenceText(reference, names))),
		programs: distinct(references.executables.map((program) => program.name)),
	});
}

function distinct(texts: readonly string[]): string[] {
	return [...new Set(texts)].sort();
}

/** Names paths without the directories above the root, which differ between machines. */
function namesBelowRoot(scope: EvalScope, view: DiskView): FileNames {
	const file = (path: string) => (path.startsWith(`${scope.root}/`) ? path.slice(scope.root.length + 1) : path);
	const path = (text: PathText) => {
		const resolved = resolvePath(text, scope, view);
		return resolved.runTime ? `run-time:${text.raw}` : file(resolved.path);
	};
	return {
		...{ scope, view, path, file },
		workingDirectory({ kind, cwd, base }) {
			if (cwd) return path(cwd);
			// The test or eval defines it.
			return kind === "target-command" || kind === "healthcheck" ? undefined : file(base);
		},
	};
}

/** Returns the target; the text of a missing one, which could resolve anywhere. */
function referenceText({ kind, onDisk, state, word, raw, resolved }: Reference, names: FileNames): string {
	const isOpen = state === "opaque" || state === "run-time" || (state === "missing" && word !== undefined);
	return `${kind} ${onDisk} ${isOpen ? raw : names.file(resolved, kind)}`;
}

/** Replaces strings that name files. */
export function withFiles(value: unknown, files: ReadonlyMap<string, unknown>): unknown {
	if (typeof value === "string") return files.get(value) ?? value;
	if (typeof value !== "object" || value === null || files.size === 0) return value;
	if (Array.isArray(value)) return value.map((item) => withFiles(item, files));
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withFiles(item, files)]));
}
