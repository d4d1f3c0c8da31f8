import { canonicalJson } from "../base/canonical-json.ts";
import { backslashedFile, type CommandSpec, fileOfWord, parseAsRun } from "./command.ts";
import type { DiskView } from "./disk-view.ts";
import type { EvalScope } from "./eval-scope.ts";
import type { Assertion, LoadedEval, Suite, TestCase } from "./eval-types.ts";
import { type PathText, resolvePath } from "./path-text.ts";
import type { Reference, References } from "./reference.ts";
import type { ResolvedTarget } from "./resolve-target.ts";
import type { TargetUse } from "./used-targets.ts";

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
	options: MeaningOptions = {},
): string {
	const reader = new Meaning(loaded.scope, view, options);
	const { suite: _, tests, name, description, tags, metadata, requires, workers, budgetUsd, experiment } = loaded;
	return canonicalJson({
		...{ name, description, tags, metadata, requires, workers, budgetUsd, experiment },
		bundle: loaded.bundle,
		suite: reader.suite(loaded.suite),
		tests: tests.map((test) => reader.test(test, loaded.suite)),
		targets: distinct(uses.map((use) => reader.use(use))),
		files: distinct(references.files.map((one) => reader.reference(one))),
		programs: distinct(references.executables.map((one) => one.name)),
	});
}

function distinct(texts: readonly string[]): string[] {
	return [...new Set(texts)].sort();
}

class Meaning {
	readonly #scope: EvalScope;
	readonly #view: DiskView;
	readonly #options: MeaningOptions;

	constructor(scope: EvalScope, view: DiskView, options: MeaningOptions) {
		this.#scope = scope;
		this.#view = view;
		this.#options = options;
	}

	suite(suite: Suite): unknown {
		const { scope: _, ...rest } = suite;
		return this.#value(rest);
	}

	test(test: TestCase, own: Suite): unknown {
		const { suite, metadataFiles, metadata, ...rest } = test;
		const files = new Map(metadataFiles.map((path) => [path.raw, this.#path(path)]));
		return {
			...(this.#value(rest) as object),
			metadata: this.#metadata(metadata, files),
			// A test's own suite is included with each test.
			...(suite === own ? {} : { suite: this.suite(suite) }),
		};
	}

	/** A target in use: how it is selected, and what runs. */
	use({ role, choice, resolution }: TargetUse): string {
		if (!resolution.ok) {
			const wrong = resolution.diagnostics.map(({ rule }) => rule).sort();
			return canonicalJson({ role, name: choice.name, wrong });
		}
		return canonicalJson({ role, name: choice.name, target: this.target(resolution.target) });
	}

	target(target: ResolvedTarget): unknown {
		const { wire, command, cwd, fixtures, healthcheck, hooks } = target;
		const { judge_target, grader_target = judge_target, ...settings } = wire;
		return {
			...(settings as object),
			grader_target,
			...(command ? { command: this.#command(command, true) } : {}),
			...(cwd ? { cwd: this.#path(cwd) } : {}),
			...(fixtures ? { fixtures: this.#path(fixtures) } : {}),
			...(healthcheck ? { healthcheck: this.#command(healthcheck, true) } : {}),
			hooks: this.#value(hooks),
		};
	}

	/** Returns the target; the text of a missing one, which could resolve anywhere. */
	reference({ kind, onDisk, state, word, raw, resolved }: Reference): string {
		const open = state === "opaque" || state === "run-time" || (state === "missing" && word !== undefined);
		return `${kind} ${onDisk} ${open ? raw : this.place(resolved)}`;
	}

	/** Returns a path without the directories above the root, which differ between machines. */
	place(path: string): string {
		return path.startsWith(`${this.#scope.root}/`) ? path.slice(this.#scope.root.length + 1) : path;
	}

	#value(value: unknown): unknown {
		if (typeof value !== "object" || value === null) return value;
		if (Array.isArray(value)) return value.map((item) => this.#value(item));
		if (isCommand(value)) return this.#command(value, false);
		if (isPath(value)) return this.#path(value);
		// An eval's inline target is included, resolved, among the targets.
		if ("inline" in value && "name" in value) return { inline: value.name };
		const entries = Object.entries(value).flatMap(([key, item]): [string, unknown][] => {
			if (wayWritten.has(key) || (key === "commit" && this.#options.withoutCommits)) return [];
			if (key === "settings") return [[key, settingsOf(value as Assertion)]];
			return [[key, authorsData.has(key) ? item : this.#value(item)]];
		});
		// A user's program runs in the directory of the file that names it.
		return {
			...Object.fromEntries(entries),
			...("customType" in value && "base" in value ? { cwd: this.place(String(value.base)) } : {}),
		};
	}

	#path(path: PathText): string {
		const { raw } = path;
		const resolved = resolvePath(path, this.#scope, this.#view);
		return resolved.runTime ? `run-time:${raw}` : this.place(resolved.path);
	}

	/** `anywhere`: without a `cwd` the test or eval defines the directory. */
	#command(command: CommandSpec, anywhere: boolean): unknown {
		const parsed = parseAsRun(command);
		const cwd = command.cwd ? this.#path(command.cwd) : anywhere ? undefined : this.place(command.base);
		if (parsed.kind === "shell") return { shell: parsed.text, cwd };
		const words = parsed.words.map((word) => {
			const { text } = word;
			const file = fileOfWord(text, command, this.#view) ?? backslashedFile(word, command, this.#view);
			if (file !== undefined) return { file: this.place(file) };
			if (!/^(\.{1,2}\/|\/)|\\/.test(text) || text.includes("{")) return text;
			const found = resolvePath({ raw: text, at: command.at, base: command.base }, this.#scope, this.#view);
			return found.found === undefined ? text : { file: this.place(found.path) };
		});
		return { words, cwd };
	}

	#metadata(value: unknown, files: ReadonlyMap<string, string>): unknown {
		if (typeof value === "string") return files.get(value) ?? value;
		if (typeof value !== "object" || value === null) return value;
		if (Array.isArray(value)) return value.map((item) => this.#metadata(item, files));
		return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#metadata(item, files)]));
	}
}

/** Fields about where or how something is written. */
const wayWritten = new Set(["at", "base", "commitAt", "includedBy", "file", "local", "program", "scope"]);
/** Fields with user-defined keys. */
const authorsData = new Set(["vars", "rest", "toolCalls", "env"]);

/** Returns settings without those resolved separately, and without the type's spelling. */
function settingsOf({ settings, command, promptFile, parts }: Assertion): unknown {
	const told = { type: undefined, ...(command ? { command: undefined, cwd: undefined } : {}) };
	const prompt = command || promptFile ? { prompt: undefined } : {};
	if (!("aggregator" in settings)) return { ...settings, ...told, ...prompt };
	const inner = command ? { command: undefined, path: undefined, cwd: undefined } : {};
	const aggregator = { ...settings.aggregator, ...inner, ...(promptFile ? { prompt: undefined } : {}) };
	return { ...settings, ...told, ...(parts ? { assertions: undefined, evaluators: undefined } : {}), aggregator };
}

function isPath(value: object): value is PathText {
	return "raw" in value && "base" in value && "at" in value;
}

function isCommand(value: object): value is CommandSpec {
	return "text" in value && "base" in value && "at" in value;
}
