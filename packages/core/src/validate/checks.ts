import type { ReferenceKind } from "../model/references.ts";
import { type EvalContext, repositoryOf } from "./eval-context.ts";
import type { ValidationCheck } from "./eval-result.ts";
import type { Judged } from "./judged.ts";
import { pathReferences } from "./path-references.ts";
import { rules } from "./rules.ts";
import { usedVariables } from "./used-variables.ts";
import { workspacesOf } from "./workspaces.ts";

/**
 * What every rule came to. Where a rule has something to tell when it passes ("Workspace template exists"), its check says
 * that; else it says what the rule reports.
 */
export function checksOf(context: EvalContext, judged: readonly Judged[], off: ReadonlySet<string>): ValidationCheck[] {
	const failed = new Set(judged.map(({ rule }) => rule.id));
	const topics = new Map<string, Topic[]>();
	for (const topic of topicsOf(context)) topics.set(topic.rule, [...(topics.get(topic.rule) ?? []), topic]);
	const checks: ValidationCheck[] = [];
	for (const [id, plain] of plainChecks) {
		if (off.has(id)) {
			checks.push({ ...plain.skip, message: "switched off" });
			continue;
		}
		const own = topics.get(id)?.map((topic) => checkOf(topic, failed.has(id))) ?? [];
		checks.push(...own);
		if (failed.has(id)) {
			if (!own.some(({ state }) => state === "fail")) checks.push(plain.fail);
		} else if (own.length === 0) checks.push(judges.get(id)?.(context) === false ? plain.skip : plain.pass);
	}
	return checks;
}

/** What a rule's check says where it has nothing of its own to tell. */
const plainChecks: ReadonlyMap<string, Readonly<Record<"pass" | "fail" | "skip", ValidationCheck>>> = new Map(
	rules.map(({ id, summary }) => {
		const check = (state: ValidationCheck["state"], message: string) => ({ rule: id, state, message, notable: false });
		return [
			id,
			{
				pass: check("pass", `none found: ${summary}`),
				fail: check("fail", `found: ${summary}`),
				skip: check("skip", `not applicable: ${summary}`),
			},
		];
	}),
);

/** Whether an eval has anything that a rule could judge; rules that are not named here always do. */
const judges: ReadonlyMap<string, (context: EvalContext) => boolean> = new Map([
	...["path.untracked", "git.dirty"].map(
		(id) => [id, (context: EvalContext) => repositoryOf(context) !== undefined] as const,
	),
	...["repos.unpinned", "repos.local-path"].map((id) => [id, hasRepos] as const),
	...["extensions.missing-export", "extensions.provisions-repo"].map((id) => [id, hasExtensions] as const),
]);

function hasRepos({ loaded }: EvalContext): boolean {
	return workspacesOf(loaded).some(({ repos }) => repos.length > 0);
}

function hasExtensions({ loaded }: EvalContext): boolean {
	return loaded.suite.extensions.length > 0 || loaded.tests.some(({ suite }) => suite.extensions.length > 0);
}

interface Topic {
	readonly rule: string;
	readonly message: string;
	/** Whether this topic itself failed; default: whether its rule found anything. */
	readonly failed?: boolean;
}

function checkOf(topic: Topic, ruleFailed: boolean): ValidationCheck {
	const { rule, message } = topic;
	return { rule, message, state: (topic.failed ?? ruleFailed) ? "fail" : "pass", notable: true };
}

function* topicsOf(context: EvalContext): Generator<Topic> {
	yield* pathTopics(context);
	const local = [...new Set(context.uses.filter(({ resolution }) => resolution.ok).map(({ choice }) => choice.name))];
	if (local.length > 0)
		yield { rule: "targets.not-local", message: `Targets are defined next to the eval (${list(local)})` };
	const variables = [...new Set(usedVariables(context).map(({ name }) => name))];
	if (variables.length > 0)
		yield { rule: "env.undocumented", message: `Variables have defaults or are documented (${list(variables)})` };
	const { loaded } = context;
	const repository = repositoryOf(context);
	if (repository)
		yield {
			rule: "git.no-repo",
			message: `Git repo detected (${repository.head ? `commit: ${repository.head.slice(0, 7)}` : "no commit yet"})`,
		};
	else if (loaded.scope.rootKind === "bundle")
		yield { rule: "git.no-repo", message: "Bundle detected (manifest.json)" };
}

/** What is told of references of these kinds, all together. */
const pathTopic: readonly (readonly [message: string, ...kinds: ReferenceKind[]])[] = [
	["All test data paths resolve", "tests", "suite"],
	["Workspace file exists", "workspace-file"],
	["Workspace template exists", "template"],
	["Input files exist", "input-file", "metadata-file"],
	["Code-grader scripts exist", "grader", "custom-grader"],
	["Grader prompts exist", "prompt", "prompt-command", "include"],
	["Hook scripts exist", "hook"],
	["Extension files exist", "extension", "agent-rules"],
	["Target files exist", "target-command", "fixtures", "healthcheck"],
];
const topicOfKind = new Map(pathTopic.flatMap(([, ...kinds], index) => kinds.map((kind) => [kind, index] as const)));

const named: Partial<Record<ReferenceKind, string>> = { tests: "tests: ", template: "workspace: " };

function* pathTopics(context: EvalContext): Generator<Topic> {
	const references = pathReferences(context);
	const found = pathTopic.map(() => ({ paths: new Set<string>(), failed: false }));
	for (const { kind, state, raw } of references) {
		const topic = found[topicOfKind.get(kind) ?? -1];
		if (!topic || state === "opaque" || state === "run-time") continue;
		topic.paths.add(`${named[kind] ?? ""}${raw}`);
		if (state === "missing") topic.failed = true;
	}
	for (const [index, { paths, failed }] of found.entries())
		if (paths.size > 0)
			yield { rule: "path.missing", message: `${pathTopic[index]?.[0]} (${list([...paths])})`, failed };
	if (references.length === 0) yield { rule: "path.missing", message: "The eval needs no other files" };
}

function list(names: readonly string[]): string {
	return names.length > 3 ? `${names.slice(0, 3).join(", ")}, and ${names.length - 3} more` : names.join(", ");
}
