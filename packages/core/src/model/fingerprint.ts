import { canonicalJson } from "../base/canonical-json.ts";
import { isSecretName, type Masker } from "../base/secrets.ts";
import { digestText } from "../io/files/digest-tree.ts";
import type { ContentPrints } from "./content-prints.ts";
import type { EvalScope } from "./eval-scope.ts";
import type { Assertion, Extension, Hooks, Message, Preprocessor, TestCase, Workspace } from "./eval-types.ts";
import type { PathText } from "./path-text.ts";
import type { ResolvedTarget } from "./resolve-target.ts";

/** A repository with the commit that a run got. */
export interface PinnedRepository {
	readonly path: string;
	readonly sha: string;
}

/**
 * Makes the five parts of a result's fingerprint: digests over canonical JSON in which paths are replaced by the content they lead to,
 * repositories by commits and secrets by nothing. Two results are comparable in so far as their parts agree, wherever the files lay.
 */
export class Fingerprinter {
	readonly #prints: ContentPrints;
	readonly #masker: Masker;

	constructor(prints: ContentPrints, masker: Masker) {
		this.#prints = prints;
		this.#masker = masker;
	}

	/** What is asked: input, expected output, criteria, turns, metadata. */
	async test(test: TestCase): Promise<string> {
		const { scope } = test.suite;
		const { criteria, expectedMessages, metadata, metadataFiles, turns, aggregation, onTurnFailure } = test;
		return this.#digest({
			input: await this.#messages(test.input, scope),
			expected: await this.#messages(expectedMessages, scope),
			criteria,
			metadata: metadataFiles.length > 0 ? await this.#metadata(metadata, metadataFiles, scope) : metadata,
			...(turns.length > 0 ? { aggregation, onTurnFailure } : {}),
			turns: await Promise.all(
				turns.map(async ({ input, expectedOutput }) => ({ input: await this.#messages(input, scope), expectedOutput })),
			),
		});
	}

	/** How it is judged. `models` are prints of the targets that judge; `versionOf` names a grader's own version. */
	async graders(
		assertions: readonly Assertion[],
		rest: {
			readonly threshold: number;
			readonly preprocessors: readonly Preprocessor[];
			readonly models: readonly string[];
		},
		scope: EvalScope,
		versionOf: (assertion: Assertion) => string | undefined,
	): Promise<string> {
		return this.#digest({
			threshold: rest.threshold,
			models: rest.models,
			assertions: await Promise.all(assertions.map((assertion) => this.#assertion(assertion, scope, versionOf))),
			preprocessors: await Promise.all(
				rest.preprocessors.map(async ({ type, command }) => ({
					type,
					command: await this.#prints.command(command, scope),
				})),
			),
		});
	}

	/** What it works in. */
	async workspace(
		workspace: Workspace | undefined,
		repositories: readonly PinnedRepository[],
		scope: EvalScope,
	): Promise<string> {
		if (!workspace) return this.#digest(null);
		const { template, isolation, env, repos } = workspace;
		return this.#digest({
			template: template && (await this.#prints.path(template, scope)),
			isolation,
			env,
			repos: repos.map(({ path, commit, sparse, ancestor }) => {
				const sha = repositories.find((pinned) => samePath(pinned.path, path))?.sha;
				return sha === undefined ? { path, commit, sparse, ancestor } : { path, sha, sparse };
			}),
		});
	}

	/** What is called around it. */
	async hooks(
		hooks: readonly (Hooks | undefined)[],
		extensions: readonly Extension[],
		scope: EvalScope,
	): Promise<string> {
		return this.#digest({
			hooks: await Promise.all(hooks.map((some) => this.#hooks(some, scope))),
			extensions: await Promise.all(extensions.map((extension) => this.#extension(extension, scope))),
		});
	}

	/** What answers: provider and settings, without names and secrets; then those that step in for it. */
	async target(targets: readonly ResolvedTarget[], scope: EvalScope): Promise<string> {
		return this.#digest(await Promise.all(targets.map((target) => this.#target(target, scope))));
	}

	#digest(value: unknown): string {
		return digestText(this.#masker(canonicalJson(value))).slice(0, 32);
	}

	async #messages(messages: readonly Message[], scope: EvalScope): Promise<unknown> {
		return Promise.all(
			messages.map(async ({ role, content, toolCalls }) => ({
				role,
				toolCalls,
				content:
					typeof content === "string"
						? content
						: await Promise.all(
								content.map(async (piece) =>
									piece.type === "text"
										? piece
										: { type: piece.type, content: await this.#prints.path(piece.path, scope) },
								),
							),
			})),
		);
	}

	async #metadata(value: unknown, files: readonly PathText[], scope: EvalScope): Promise<unknown> {
		if (typeof value === "string") {
			const file = files.find(({ raw }) => raw === value);
			return file ? { content: await this.#prints.path(file, scope) } : value;
		}
		if (typeof value !== "object" || value === null) return value;
		if (Array.isArray(value)) return Promise.all(value.map((item) => this.#metadata(item, files, scope)));
		const entries = Object.entries(value).map(
			async ([key, item]) => [key, await this.#metadata(item, files, scope)] as const,
		);
		return Object.fromEntries(await Promise.all(entries));
	}

	async #assertion(
		assertion: Assertion,
		scope: EvalScope,
		versionOf: (assertion: Assertion) => string | undefined,
	): Promise<unknown> {
		const { type, name, weight, required, minScore, negate, rest, command, promptFile, promptText, parts } = assertion;
		const settings = withoutPaths(assertion.settings, command !== undefined, promptFile !== undefined);
		return {
			...{ type, name, weight, required, minScore, negate, rest, settings },
			version: versionOf(assertion),
			command: command && (await this.#prints.command(command, scope)),
			prompt: promptFile && (await this.#prints.path(promptFile, scope)),
			// With the test's `vars` in it, it is another question.
			...(promptText === undefined ? {} : { promptText }),
			program: assertion.type === "custom" ? await this.#prints.script(assertion.program, scope) : undefined,
			parts: parts && (await Promise.all(parts.map((part) => this.#assertion(part, scope, versionOf)))),
		};
	}

	async #hooks(hooks: Hooks | undefined, scope: EvalScope): Promise<unknown> {
		const entries = Object.entries(hooks ?? {}).map(async ([name, hook]) => [
			name,
			{ reset: hook.reset, command: hook.command && (await this.#prints.command(hook.command, scope)) },
		]);
		return Object.fromEntries(await Promise.all(entries));
	}

	async #extension(extension: Extension, scope: EvalScope): Promise<unknown> {
		if (extension.kind === "module")
			return { module: await this.#modulePrint(extension.module, scope), exportName: extension.exportName };
		const entries = Object.entries(extension.paths ?? {}).map(async ([kind, paths]) => [
			kind,
			await Promise.all(paths.map((path) => this.#prints.path(path, scope))),
		]);
		return { rules: Object.fromEntries(await Promise.all(entries)), hook: extension.hook };
	}

	async #modulePrint(module: PathText, scope: EvalScope): Promise<string> {
		return this.#prints.path(module, scope);
	}

	async #target(target: ResolvedTarget, scope: EvalScope): Promise<unknown> {
		const { provider, command, fixtures, wire } = target;
		return {
			provider,
			settings: withoutSecrets(Object.fromEntries(Object.entries(wire).filter(([key]) => !besideTheAnswer.has(key)))),
			command: command && (await this.#prints.command(command, scope)),
			fixtures: fixtures && (await this.#prints.path(fixtures, scope)),
		};
	}
}

/** Keys of a target that are looked at apart, or have no bearing on its answers. */
const besideTheAnswer: ReadonlySet<string> = new Set([
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

/** Settings without what stands in them as a path or command and is looked at by its content. */
function withoutPaths(settings: object, hasCommand: boolean, hasPromptFile: boolean): Record<string, unknown> {
	const left = new Set(["type", "assertions", "evaluators", "target"]);
	if (hasCommand) for (const key of ["command", "cwd", "prompt"]) left.add(key);
	if (hasPromptFile) left.add("prompt");
	return Object.fromEntries(
		Object.entries(settings).flatMap(([key, value]) => {
			if (left.has(key)) return [];
			return key === "aggregator" && typeof value === "object" && value !== null
				? // An aggregator's older spelling of `command` is `path`.
					[[key, withoutPaths({ ...value, path: undefined }, hasCommand, hasPromptFile)]]
				: [[key, value]];
		}),
	);
}

function samePath(one: string, other: string): boolean {
	const plain = (path: string) => path.replace(/^\.\//, "").replace(/\/$/, "") || ".";
	return plain(one) === plain(other);
}
