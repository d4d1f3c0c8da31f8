import { join, relative, resolve, sep } from "node:path";
import { manifestName } from "../eval/bundle-manifest.ts";
import { type CommandSpec, fileOfWord, parseAsRun } from "../eval/command.ts";
import { workingDirectory } from "../eval/command-files.ts";
import type {
	Assertion,
	Extension,
	Hooks,
	LoadedEval,
	Message,
	Suite,
	TestCase,
	Workspace,
} from "../eval/eval-types.ts";
import { loadEval } from "../eval/load-eval.ts";
import { loadTargets } from "../eval/load-targets.ts";
import { type PathText, type ReferenceKind, resolvePath, stripScheme } from "../eval/read-shape.ts";
import { collectReferences } from "../eval/references.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { type DiskView, entriesOf, openDiskView } from "../eval/source.ts";
import { AgentvError, type Diagnostic } from "../lib/errors.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside } from "../machine/files.ts";
import type { BundlePlan } from "./collect-copies.ts";
import { selectTargets, type TargetSelection } from "./gather-sources.ts";
import type { RewriteInput } from "./rewriter.ts";

/** Names paths of one side, so that source and bundle are comparable. */
export interface MeaningNames {
	readonly view: DiskView;
	/** Returns the name of an absolute path of a reference. */
	path(kind: ReferenceKind, path: string): string;
	/** Returns the name of a command's working directory; undefined if only the run determines it. */
	cwd(kind: ReferenceKind, command: CommandSpec): string | undefined;
	/** For paths in `loaded` that belong to no suite. */
	readonly loaded: LoadedEval;
}

/** Returns plain values that are equal for a source and its bundle. */
function meaningOf(names: MeaningNames, targets: ReadonlyMap<string, ResolvedTarget>, withChoices: boolean) {
	const { loaded } = names;
	const meaning = new Meaning(names, withChoices);
	return plain({
		workers: loaded.workers,
		budgetUsd: loaded.budgetUsd,
		experiment: loaded.experiment,
		requires: loaded.requires,
		tests: loaded.tests.map((test) => meaning.test(test)),
		targets: [...targets]
			.sort(([a], [b]) => (a < b ? -1 : 1))
			.map(([name, target]) => ({ name, ...meaning.target(target) })),
	});
}

/** Never includes values, which can be secret; undefined if equal. */
function firstDifference(a: unknown, b: unknown, path = ""): string | undefined {
	if (Object.is(a, b)) return undefined;
	if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return path || "the eval";
	const left = a as Record<string, unknown>;
	const right = b as Record<string, unknown>;
	for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
		const found = firstDifference(left[key], right[key], path === "" ? key : `${path}.${key}`);
		if (found !== undefined) return found;
	}
	return undefined;
}

class Meaning {
	readonly #names: MeaningNames;
	readonly #withChoices: boolean;

	constructor(names: MeaningNames, withChoices: boolean) {
		this.#names = names;
		this.#withChoices = withChoices;
	}

	test(test: TestCase) {
		const { suite } = test;
		return {
			id: test.id,
			description: test.description,
			input: this.#messages(test.input),
			expected: this.#messages(test.expectedMessages),
			expectedOutput: test.expectedOutput,
			criteria: test.criteria,
			assertions: test.assertions.map((assertion) => this.#assertion(assertion)),
			metadata: test.metadata,
			tags: test.tags,
			conversationId: test.conversationId,
			workspace: this.#workspace(test.workspace ?? suite.workspace),
			threshold: test.threshold,
			timeoutSeconds: test.timeoutSeconds,
			repeat: test.repeat,
			target: this.#withChoices && test.target ? test.target.name : undefined,
			dependsOn: test.dependsOn,
			onDependencyFailure: test.onDependencyFailure,
			turns: test.turns.map((turn) => ({
				input: this.#messages(turn.input),
				expectedOutput: turn.expectedOutput,
				assertions: turn.assertions.map((assertion) => this.#assertion(assertion)),
			})),
			aggregation: test.aggregation,
			onTurnFailure: test.onTurnFailure,
			suite: this.#suite(suite),
		};
	}

	readonly #suites = new Map<Suite, unknown>();

	#suite(suite: Suite): unknown {
		const known = this.#suites.get(suite);
		if (known !== undefined) return known;
		const meaning = {
			extensions: suite.extensions.map((extension) => this.#extension(extension)),
			preprocessors: suite.preprocessors.map(({ type, command, timeoutSeconds }) => ({
				type,
				command: this.#command("preprocessor", command),
				timeoutSeconds,
			})),
			targets: this.#withChoices ? suite.targets.map(({ name }) => name) : undefined,
			threshold: suite.threshold,
			timeoutSeconds: suite.timeoutSeconds,
			repeat: suite.repeat,
		};
		this.#suites.set(suite, meaning);
		return meaning;
	}

	target(target: ResolvedTarget) {
		const { command, cwd, healthcheck, fixtures, hooks, judge_target: _judge, name: _name, ...rest } = target.wire;
		return {
			...rest,
			grader_target: target.graderTarget,
			command: target.command && this.#command("target-command", target.command),
			cwd: target.cwd && !target.command ? this.#path("working-directory", target.cwd) : undefined,
			healthcheck: target.healthcheck ? this.#command("healthcheck", target.healthcheck) : undefined,
			fixtures: target.fixtures && this.#path("fixtures", target.fixtures),
			hooks: this.#hooks(target.hooks),
		};
	}

	#messages(messages: readonly Message[]) {
		return messages.map(({ role, content, toolCalls }) => ({
			role,
			toolCalls,
			content:
				typeof content === "string"
					? content
					: content.map((piece) =>
							piece.type === "text" ? piece : { ...piece, path: this.#path("input-file", piece.path) },
						),
		}));
	}

	#assertion(assertion: Assertion): unknown {
		const { name, type, weight, required, minScore, negate, command, promptFile, parts } = assertion;
		const kind = type === "llm-grader" ? "prompt-command" : "grader";
		return {
			...{ name, type, weight, required, minScore, negate },
			rest: assertion.rest,
			settings: this.#settings(assertion.settings),
			command: command && this.#command(kind, command),
			prompt: promptFile && this.#path("prompt", promptFile),
			parts: parts?.map((part) => this.#assertion(part)),
			custom: assertion.type === "custom" ? assertion.customType : undefined,
		};
	}

	/** Settings of the type only: common ones, and texts with paths, are compared separately. */
	#settings(settings: object): unknown {
		const kept = Object.entries(settings).filter(([key]) => !comparedElsewhere.has(key));
		const { prompt, aggregator } = settings as { prompt?: unknown; aggregator?: object };
		return {
			...Object.fromEntries(kept),
			aggregator: aggregator && this.#settings({ ...aggregator, path: undefined }),
			prompt: typeof prompt === "string" && prompt.trim().includes("\n") ? prompt : undefined,
		};
	}

	#workspace(workspace: Workspace | undefined) {
		return (
			workspace && {
				template: workspace.template && this.#path("template", workspace.template),
				isolation: workspace.isolation,
				repos: workspace.repos.map(({ path, sparse, ancestor }) => ({ path, sparse, ancestor })),
				hooks: this.#hooks(workspace.hooks),
				env: workspace.env,
			}
		);
	}

	#hooks(hooks: Hooks) {
		return Object.entries(hooks)
			.sort(([a], [b]) => (a < b ? -1 : 1))
			.map(([name, hook]) => ({
				name,
				command: hook.command && this.#command("hook", hook.command),
				timeoutMs: hook.timeoutMs,
				reset: hook.reset,
			}));
	}

	#extension(extension: Extension): unknown {
		if (extension.kind === "module")
			return { module: this.#path("extension", extension.module), exportName: extension.exportName };
		return {
			hook: extension.hook,
			paths: Object.entries(extension.paths ?? {}).map(([kind, paths]) => ({
				kind,
				paths: paths.map((path) => this.#path("agent-rules", path)),
			})),
		};
	}

	#path(kind: ReferenceKind, text: PathText): string {
		const { loaded, view } = this.#names;
		if (/^(https?:\/\/|data:)/i.test(text.raw)) return text.raw;
		const found = resolvePath(text, loaded.scope, view);
		return found.found === undefined ? stripScheme(text.raw) : this.#names.path(kind, found.path);
	}

	#command(kind: ReferenceKind, command: CommandSpec): unknown {
		const parsed = parseAsRun(command);
		const cwd = this.#names.cwd(kind, command);
		if (parsed.kind === "shell") return { shell: parsed.text, cwd };
		const { view, loaded } = this.#names;
		const words = parsed.words.map(({ text }) => {
			const file = fileOfWord(text, command, view);
			if (file !== undefined) return this.#names.path(kind, file);
			if (!/^\.{1,2}\//.test(text) || text.includes("{")) return text;
			const searched = resolvePath({ raw: text, base: command.base }, loaded.scope, view);
			return searched.found === undefined ? text : this.#names.path(kind, searched.path);
		});
		return { words, cwd };
	}
}

const comparedElsewhere = new Set([
	...["name", "type", "weight", "required", "minScore", "negate"],
	...["command", "cwd", "prompt", "aggregator", "assertions", "evaluators"],
]);

/** Names a path of the bundle at `root`; a path outside it stays absolute. */
function nameInBundle(root: string, path: string): string {
	return isInside(root, path) ? relative(root, path).split(sep).join("/") : path;
}

/** Names the working directory of a bundle's command. */
function cwdInBundle(root: string, kind: ReferenceKind, command: CommandSpec): string | undefined {
	if (command.cwd?.raw.includes("{{")) return undefined;
	if (command.cwd) return nameInBundle(root, resolve(command.cwd.base, command.cwd.raw));
	return kind === "target-command" ? undefined : nameInBundle(root, command.base);
}

/** Removes undefined entries, so that absent and undefined ones are equal. */
function plain(value: unknown): unknown {
	return JSON.parse(JSON.stringify(value));
}

/** Returns the source's meaning, with paths named as in the bundle. */
export function sourceMeaning(
	loaded: LoadedEval,
	selection: TargetSelection,
	{ places, bound, evalDirectory }: RewriteInput,
	view: DiskView,
	withChoices: boolean,
): unknown {
	const isDirectory = (path: string) => view.kind(path) === "directory";
	return meaningOf(
		{
			view,
			loaded,
			path: (kind, path) => places.named(kind, path, isDirectory(path)) ?? path,
			cwd(kind, command) {
				if ((kind === "target-command" && !command.cwd) || command.cwd?.raw.includes("{{")) return undefined;
				const directory = command.cwd
					? resolvePath(command.cwd, loaded.scope, view).path
					: workingDirectory(command, evalDirectory);
				if (directory === undefined) return undefined;
				if (command.cwd && places.named("working-directory", directory, true) === undefined) return directory;
				return places.workingDirectory(directory, bound.has(command));
			},
		},
		selection.named,
		withChoices,
	);
}

/** Enough of a manifest to be recognized: reading one with 50,000 files is slow. */
const stubManifest = `{"format_version": 1, "digest": "${"0".repeat(64)}"}`;

/** Returns the view restricted to the bundle at `root`. */
function confinedView(view: DiskView, root: string): DiskView {
	const inside = (path: string) => isInside(root, path);
	return {
		kind: (path) => (inside(path) ? view.kind(path) : "missing"),
		list: (directory) => (inside(directory) ? view.list(directory) : []),
		entries: (directory) => (inside(directory) ? entriesOf(view, directory) : new Map()),
		otherCase: (path) => (inside(path) ? view.otherCase(path) : undefined),
		readText(path) {
			if (!inside(path)) throw new AgentvError("not-found", `${path} is outside the bundle`);
			return path === join(root, manifestName) ? stubManifest : view.readText(path);
		},
	};
}

/**
 * Loads the bundle at `root` in isolation, and compares its meaning with the source's.
 * @throws AgentvError `refused` if it is not self-contained
 */
export function checkBundle(plan: BundlePlan, root: string): void {
	if (plan.kind !== "bundle") return;
	const alone = load(plan, root, plan.env);
	const problems = [...errors(alone.loaded.diagnostics), ...errors(alone.selection.diagnostics)];
	if (problems.length > 0) throw refused("the written bundle does not load", problems);
	for (const { state, raw, kind } of alone.references.files) {
		const needed = kind !== "metadata-file" && (state === "missing" || state === "outside-root");
		if (needed && !isExpected(plan, raw)) throw refused(`the bundle would be missing ${JSON.stringify(raw)}`);
	}
	const meaning = meaningOf(
		{
			view: alone.view,
			loaded: alone.loaded,
			path: (_kind, path) => nameInBundle(root, path),
			cwd: (kind, command) => cwdInBundle(root, kind, command),
		},
		alone.selection.named,
		plan.keepsChoices,
	);
	const difference = firstDifference(plan.meaning, meaning);
	if (difference !== undefined)
		throw refused(`the bundle would differ in meaning from its source: ${difference} differs`);
	checkWithoutEnvironment(plan, root);
}

/** Missing in the source, too, or a path that stays on the machine: a warning reports it. */
function isExpected(plan: BundlePlan, raw: string): boolean {
	return plan.warnings.some(({ data, rule }) => data.raw === raw && /^path\.(missing|absolute)$/.test(rule));
}

/** Without any variables, only required ones may be missing. */
function checkWithoutEnvironment(plan: BundlePlan, root: string): void {
	const required = plan.manifest.variables.filter((variable) => variable.required).map(({ name }) => name);
	if (required.length > 0) return;
	const alone = load(plan, root, {});
	const problems = [...errors(alone.loaded.diagnostics), ...errors(alone.selection.diagnostics)];
	if (problems.length > 0) throw refused("the written bundle does not load with no variable set", problems);
}

function load(plan: BundlePlan, root: string, env: Environment) {
	const view = confinedView(openDiskView(), root);
	const loaded = loadEval(join(root, "eval.yaml"), { view, env, cwd: root });
	const scope = loadTargets(loaded.scope, { view, env });
	const selection = selectTargets(loaded, scope, []);
	return { view, loaded, selection, references: collectReferences(loaded, selection.all, view), plan };
}

function errors(diagnostics: readonly Diagnostic[]): Diagnostic[] {
	return diagnostics.filter(({ severity }) => severity === "error");
}

function refused(message: string, diagnostics: readonly Diagnostic[] = []): AgentvError {
	// Locations are in a directory that is removed before they are read.
	const said = diagnostics.map((found) => found.message).slice(0, 5);
	return new AgentvError("refused", [message, ...said].join(": "), {
		hint: "nothing was written; this is probably a bug in AgentV",
	});
}
