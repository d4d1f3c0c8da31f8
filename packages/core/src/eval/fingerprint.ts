import { isAbsolute } from "node:path";
import { commonKeys } from "../format/eval-file.ts";
import { canonicalJson } from "../lib/json.ts";
import type { Redactor } from "../lib/redact.ts";
import { isSecretName } from "../lib/secret-shapes.ts";
import { backslashedFile, type CommandSpec, fileOfWord, meansFile, parseAsRun } from "./command.ts";
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
	TestCase,
	Workspace,
} from "./eval-types.ts";
import { isAddress, type PathText, type ReferenceKind, resolvePath } from "./read-shape.ts";
import type { ResolvedTarget, TargetUse } from "./resolve-target.ts";
import type { DiskView } from "./source.ts";
import type { Reference, References } from "./visit.ts";

export interface PinnedRepository {
	readonly path: string;
	readonly sha: string;
}

/**
 * Builds the five parts of a result's fingerprint, in which contents replace paths, commits replace
 * repositories, and secrets are left out. Results are comparable as far as their parts agree,
 * regardless of file locations.
 */
export class Fingerprinter {
	readonly #prints: ContentPrints;
	readonly #redact: Redactor;

	constructor(prints: ContentPrints, redact: Redactor) {
		this.#prints = prints;
		this.#redact = redact;
	}

	/** Covers input, expected output, criteria, turns and metadata. */
	test(test: TestCase): Recipe {
		const { scope } = test.suite;
		const { criteria, expectedMessages, metadata, metadataFiles, turns, aggregation, onTurnFailure } = test;
		return this.#recipe({
			input: this.#messages(test.input, scope),
			expected: this.#messages(expectedMessages, scope),
			criteria,
			metadata: withFiles(metadata, new Map(metadataFiles.map((path) => [path.raw, this.#file(path, scope)]))),
			...(turns.length > 0 ? { aggregation, onTurnFailure } : {}),
			turns: turns.map(({ input, expectedOutput }) => ({ input: this.#messages(input, scope), expectedOutput })),
		});
	}

	/**
	 * @param rest `models` are the targets that grade; `declared` is what the eval declares that
	 * its
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

	/** Covers provider and settings, without names and secrets, then the fallbacks. */
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

	#file(path: PathText, scope: EvalScope): unknown {
		return { content: this.#prints.path(path, scope) };
	}

	#attachment({ type, path }: Exclude<ContentPiece, { type: "text" }>, scope: EvalScope): unknown {
		return isAddress(path.raw) ? { type, address: path.raw } : { type, content: this.#prints.path(path, scope) };
	}

	#assertion(assertion: Assertion, scope: EvalScope, versionOf: (assertion: Assertion) => string | undefined): unknown {
		const { type, name, weight, required, minScore, negate, rest, command, promptFile, promptText, parts } = assertion;
		const settings = printedSettings(assertion.settings);
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

export function executableOf({ settings, origin, at, cwd }: ResolvedTarget): CommandSpec | undefined {
	const program = "executable" in settings ? settings.executable : undefined;
	const layer = origin.get("executable");
	if (program === undefined || !program.includes("/") || !layer) return undefined;
	return { kind: "target-command", text: [program], at, base: layer.base, cwd };
}

function runsProgram(assertion: Assertion): boolean {
	const { type, command, parts } = assertion;
	return type === "custom" || command !== undefined || (parts?.some(runsProgram) ?? false);
}

/** These keys are handled separately, or don't affect responses. */
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

function printedSettings(settings: object): Record<string, unknown> {
	const { type: _, target: __, prompt, aggregator, ...rest } = settings as GraderSettings;
	const program = typeof prompt === "object" ? prompt : undefined;
	return {
		...rest,
		prompt: program ? undefined : prompt,
		// The settings of a program that writes the prompt count like its words.
		promptConfig: program?.config,
		aggregator: aggregator && printedSettings(aggregator),
	};
}

interface GraderSettings {
	readonly type?: unknown;
	readonly target?: unknown;
	readonly prompt?: string | { readonly config?: unknown };
	readonly aggregator?: object;
}

function samePath(left: string, right: string): boolean {
	const plain = (path: string) => path.replace(/^\.\//, "").replace(/\/$/, "") || ".";
	return plain(left) === plain(right);
}

export interface FileNames {
	readonly scope: EvalScope;
	readonly view: DiskView;
	path(path: PathText): string;
	file(path: string, kind: ReferenceKind): string;
	/** Returns undefined if the directory doesn't affect the meaning. */
	workingDirectory(command: CommandSpec): string | undefined;
}

const written = ["at", "base", "commitAt", "includedBy", "file", "local", "program", "scope"];
const userData = new Set(["vars", "rest", "toolCalls", "env", "metadata"]);

/** Converts loaded values to plain data that is equal for equal meaning. */
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

/** Makes a custom grader follow the rule for working directories of commands. */
export function customCommand({ at, base, cwd }: CustomAssertion): CommandSpec {
	return { kind: "custom-grader", text: [], at, base, cwd };
}

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
	readonly withoutCommits?: boolean;
}

/**
 * Returns a text that is equal for evals with equal meaning in any spelling, to check that
 * a rewritten eval is unchanged.
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

/** The directories above the root differ between machines. */
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

/** A missing path keeps its text, because it could resolve anywhere. */
function referenceText({ kind, onDisk, state, word, raw, resolved }: Reference, names: FileNames): string {
	const isOpen = state === "opaque" || state === "run-time" || (state === "missing" && word !== undefined);
	return `${kind} ${onDisk} ${isOpen ? raw : names.file(resolved, kind)}`;
}

function withFiles(value: unknown, files: ReadonlyMap<string, unknown>): unknown {
	if (typeof value === "string") return files.get(value) ?? value;
	if (typeof value !== "object" || value === null || files.size === 0) return value;
	if (Array.isArray(value)) return value.map((item) => withFiles(item, files));
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withFiles(item, files)]));
}
