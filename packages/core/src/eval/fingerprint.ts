import { canonicalJson } from "../lib/json.ts";
import type { Redactor } from "../lib/redact.ts";
import { isSecretName } from "../lib/secret-shapes.ts";
import { backslashedFile, type CommandSpec, fileOfWord, parseAsRun } from "./command.ts";
import { type Content, type ContentPrints, Recipe } from "./content.ts";
import type { EvalScope } from "./discover-evals.ts";
import type {
	Assertion,
	ContentPiece,
	Extension,
	Hooks,
	LoadedEval,
	Message,
	Preprocessor,
	Suite,
	TestCase,
	Workspace,
} from "./eval-types.ts";
import { isAddress, type PathText, resolvePath } from "./read-shape.ts";
import type { Reference, References } from "./references.ts";
import type { ResolvedTarget, TargetUse } from "./resolve-target.ts";
import type { DiskView } from "./source.ts";

/** A repository with its checked-out commit. */
export interface PinnedRepository {
	readonly path: string;
	readonly sha: string;
}

/**
 * Builds the five parts of a result's fingerprint: values in which paths are replaced by their
 * content, repositories by commits and secrets by nothing. Results are comparable as far as their
 * parts agree, regardless of file locations.
 */
export class Fingerprinter {
	readonly #prints: ContentPrints;
	readonly #redact: Redactor;

	constructor(prints: ContentPrints, redact: Redactor) {
		this.#prints = prints;
		this.#redact = redact;
	}

	/** The question: input, expected output, criteria, turns, metadata. */
	test(test: TestCase): Recipe {
		const { scope } = test.suite;
		const { criteria, expectedMessages, metadata, metadataFiles, turns, aggregation, onTurnFailure } = test;
		return this.#recipe({
			input: this.#messages(test.input, scope),
			expected: this.#messages(expectedMessages, scope),
			criteria,
			metadata: metadataFiles.length > 0 ? this.#metadata(metadata, metadataFiles, scope) : metadata,
			...(turns.length > 0 ? { aggregation, onTurnFailure } : {}),
			turns: turns.map(({ input, expectedOutput }) => ({ input: this.#messages(input, scope), expectedOutput })),
		});
	}

	/**
	 * The grading.
	 * @param rest `models` are the targets that grade; `declared` is what the eval declares that its
	 * programs read
	 * @param versionOf returns a grader's own version
	 */
	graders(
		assertions: readonly Assertion[],
		rest: {
			readonly threshold: number;
			readonly preprocessors: readonly Preprocessor[];
			readonly models: readonly Recipe[];
			readonly declared: Content | undefined;
		},
		scope: EvalScope,
		versionOf: (assertion: Assertion) => string | undefined,
	): Recipe {
		const runsPrograms = rest.preprocessors.length > 0 || assertions.some(runsProgram);
		return this.#recipe({
			threshold: rest.threshold,
			models: rest.models,
			assertions: assertions.map((assertion) => this.#assertion(assertion, scope, versionOf)),
			preprocessors: rest.preprocessors.map(({ type, command }) => ({
				type,
				command: this.#prints.command(command, scope),
			})),
			declared: runsPrograms ? rest.declared : undefined,
		});
	}

	/** The workspace. `template` is the content that the workspace copies. */
	workspace(
		workspace: Workspace | undefined,
		template: Content | string | undefined,
		repositories: readonly PinnedRepository[],
	): Recipe {
		if (!workspace) return this.#recipe(null);
		const { isolation, env, repos } = workspace;
		return this.#recipe({
			template,
			isolation,
			env,
			repos: repos.map(({ path, commit, sparse, ancestor }) => {
				const sha = repositories.find((pinned) => samePath(pinned.path, path))?.sha;
				return sha === undefined ? { path, commit, sparse, ancestor } : { path, sha, sparse };
			}),
		});
	}

	/** The hooks and extensions. */
	hooks(
		hooks: readonly (Hooks | undefined)[],
		extensions: readonly Extension[],
		scope: EvalScope,
		declared: Content | undefined,
	): Recipe {
		const runsPrograms =
			hooks.some((some) => Object.values(some ?? {}).some(({ command }) => command)) ||
			extensions.some(({ kind }) => kind === "module");
		return this.#recipe({
			hooks: hooks.map((some) => this.#hooks(some, scope)),
			extensions: extensions.map((extension) => this.#extension(extension, scope)),
			declared: runsPrograms ? declared : undefined,
		});
	}

	/** The target: provider and settings, without names and secrets; then its fallbacks. */
	target(targets: readonly ResolvedTarget[], scope: EvalScope, declared?: Content | undefined): Recipe {
		const printed = targets.map((target) => this.#target(target, scope));
		return this.#recipe(declared && targets.some(({ command }) => command) ? [...printed, { declared }] : printed);
	}

	#recipe(value: unknown): Recipe {
		return new Recipe(value, this.#redact);
	}

	#messages(messages: readonly Message[], scope: EvalScope): unknown {
		return messages.map(({ role, content, toolCalls }) => ({
			role,
			toolCalls,
			content:
				typeof content === "string"
					? content
					: content.map((piece) => (piece.type === "text" ? piece : this.#attachment(piece, scope))),
		}));
	}

	#attachment({ type, path }: Exclude<ContentPiece, { type: "text" }>, scope: EvalScope): unknown {
		return isAddress(path.raw) ? { type, address: path.raw } : { type, content: this.#prints.path(path, scope) };
	}

	#metadata(value: unknown, files: readonly PathText[], scope: EvalScope): unknown {
		if (typeof value === "string") {
			const file = files.find(({ raw }) => raw === value);
			return file ? { content: this.#prints.path(file, scope) } : value;
		}
		if (typeof value !== "object" || value === null) return value;
		if (Array.isArray(value)) return value.map((item) => this.#metadata(item, files, scope));
		return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#metadata(item, files, scope)]));
	}

	#assertion(assertion: Assertion, scope: EvalScope, versionOf: (assertion: Assertion) => string | undefined): unknown {
		const { type, name, weight, required, minScore, negate, rest, command, promptFile, promptText, parts } = assertion;
		const settings = withoutPaths(assertion.settings, command !== undefined, promptFile !== undefined);
		return {
			...{ type, name, weight, required, minScore, negate, rest, settings },
			version: versionOf(assertion),
			command: command && this.#prints.command(command, scope),
			prompt: promptFile && this.#prints.path(promptFile, scope),
			// With the test's `vars` in it, it is a different question.
			...(promptText === undefined ? {} : { promptText }),
			program: assertion.type === "custom" ? this.#prints.script(assertion.program, scope) : undefined,
			parts: parts?.map((part) => this.#assertion(part, scope, versionOf)),
		};
	}

	#hooks(hooks: Hooks | undefined, scope: EvalScope): unknown {
		const entries = Object.entries(hooks ?? {}).map(([name, hook]) => [
			name,
			{ reset: hook.reset, command: hook.command && this.#prints.command(hook.command, scope) },
		]);
		return Object.fromEntries(entries);
	}

	#extension(extension: Extension, scope: EvalScope): unknown {
		if (extension.kind === "module")
			return { module: this.#prints.module(extension.module, scope), exportName: extension.exportName };
		const entries = Object.entries(extension.paths ?? {}).map(([kind, paths]) => [
			kind,
			paths.map((path) => this.#prints.path(path, scope)),
		]);
		return { rules: Object.fromEntries(entries), hook: extension.hook };
	}

	#target(target: ResolvedTarget, scope: EvalScope): unknown {
		const { provider, command, fixtures, wire } = target;
		const executable = executableOf(target);
		const own = Object.entries(wire).filter(
			([key]) => !besideTheAnswer.has(key) && (key !== "executable" || executable === undefined),
		);
		return {
			provider,
			settings: withoutSecrets(Object.fromEntries(own)),
			command: command && this.#prints.command(command, scope),
			executable: executable && this.#prints.command(executable, scope),
			fixtures: fixtures && this.#prints.path(fixtures, scope),
		};
	}
}

/** Returns an agent's program that a target names by a path. */
export function executableOf({ settings, origin, at, cwd }: ResolvedTarget): CommandSpec | undefined {
	const program = "executable" in settings ? settings.executable : undefined;
	const layer = origin.get("executable");
	if (program === undefined || !program.includes("/") || !layer) return undefined;
	return { kind: "target-command", text: [program], at, base: layer.base, ...(cwd ? { cwd } : {}) };
}

function runsProgram(assertion: Assertion): boolean {
	const { type, command, parts } = assertion;
	return type === "custom" || command !== undefined || (parts?.some(runsProgram) ?? false);
}

/** Keys of a target that are handled separately, or don't affect its responses. */
export const besideTheAnswer: ReadonlySet<string> = new Set([
	...["name", "provider", "command", "cwd", "fixtures", "healthcheck", "hooks", "grader_target", "judge_target"],
	...["fallback_targets", "workers", "requests_per_minute", "verbose", "log_dir", "stream_log", "timeout_seconds"],
	...["max_retries", "retry_initial_delay_ms", "retry_max_delay_ms", "retry_backoff_factor", "retry_status_codes"],
]);

function withoutSecrets(value: unknown): unknown {
	if (typeof value !== "object" || value === null) return value;
	if (Array.isArray(value)) return value.map(withoutSecrets);
	return Object.fromEntries(
		Object.entries(value).flatMap(([key, item]) =>
			isSecretName(key) || key === "headers" ? [] : [[key, withoutSecrets(item)]],
		),
	);
}

/** Returns settings without paths and commands, which are compared by content. */
function withoutPaths(settings: object, hasCommand: boolean, hasPromptFile: boolean): Record<string, unknown> {
	const left = new Set(["type", "assertions", "evaluators", "target"]);
	if (hasCommand) for (const key of ["command", "cwd", "prompt"]) left.add(key);
	if (hasPromptFile) left.add("prompt");
	return Object.fromEntries(
		Object.entries(settings).flatMap(([key, value]) => {
			// The settings of a program that writes the prompt count like its words.
			if (key === "prompt" && left.has(key) && typeof value === "object" && value !== null)
				return "config" in value ? [["promptConfig", value.config]] : [];
			if (left.has(key)) return [];
			return key === "aggregator" && typeof value === "object" && value !== null
				? // An aggregator's deprecated spelling of `command` is `path`.
					[[key, withoutPaths({ ...value, path: undefined }, hasCommand, hasPromptFile)]]
				: [[key, value]];
		}),
	);
}

function samePath(one: string, other: string): boolean {
	const plain = (path: string) => path.replace(/^\.\//, "").replace(/\/$/, "") || ".";
	return plain(one) === plain(other);
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
			const found = resolvePath({ raw: text, base: command.base }, this.#scope, this.#view);
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
