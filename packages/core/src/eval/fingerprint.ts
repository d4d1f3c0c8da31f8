import type { Redactor } from "../lib/redact.ts";
import { isSecretName } from "../lib/secret-shapes.ts";
import type { CommandSpec } from "./command.ts";
import { type Content, type ContentPrints, Recipe } from "./content.ts";
import type { EvalScope } from "./discover-evals.ts";
import type {
	Assertion,
	ContentPiece,
	Extension,
	Hooks,
	Message,
	Preprocessor,
	TestCase,
	Workspace,
} from "./eval-types.ts";
import { withFiles } from "./meaning.ts";
import { isAddress, type PathText } from "./read-shape.ts";
import type { ResolvedTarget } from "./resolve-target.ts";

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
			metadata: withFiles(metadata, new Map(metadataFiles.map((path) => [path.raw, this.#file(path, scope)]))),
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

	#file(path: PathText, scope: EvalScope): unknown {
		return { content: this.#prints.path(path, scope) };
	}

	#attachment({ type, path }: Exclude<ContentPiece, { type: "text" }>, scope: EvalScope): unknown {
		return isAddress(path.raw) ? { type, address: path.raw } : { type, content: this.#prints.path(path, scope) };
	}

	#assertion(assertion: Assertion, scope: EvalScope, versionOf: (assertion: Assertion) => string | undefined): unknown {
		const { type, name, weight, required, minScore, negate, rest, command, promptFile, promptText, parts } = assertion;
		const settings = settingsOf(assertion.settings);
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
	return { kind: "target-command", text: [program], at, base: layer.base, cwd };
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

/** Returns what the settings of a grader add: not its model, which is compared separately. */
function settingsOf(settings: object): Record<string, unknown> {
	const { type: _, target: __, prompt, aggregator, ...rest } = settings as GraderSettings;
	const program = typeof prompt === "object" ? prompt : undefined;
	return {
		...rest,
		prompt: program ? undefined : prompt,
		// The settings of a program that writes the prompt count like its words.
		promptConfig: program?.config,
		aggregator: aggregator && settingsOf(aggregator),
	};
}

interface GraderSettings {
	readonly type?: unknown;
	readonly target?: unknown;
	readonly prompt?: string | { readonly config?: unknown };
	readonly aggregator?: object;
}

function samePath(one: string, other: string): boolean {
	const plain = (path: string) => path.replace(/^\.\//, "").replace(/\/$/, "") || ".";
	return plain(one) === plain(other);
}
