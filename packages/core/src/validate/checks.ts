import type { ReferenceKind } from "../model/references.ts";
import type { EvalContext } from "./eval-context.ts";
import type { ValidationCheck } from "./eval-result.ts";
import type { Judged } from "./judged.ts";
import { pathReferences } from "./path-references.ts";
import { rules } from "./rules.ts";
import { usedVariables } from "./used-variables.ts";

/**
 * What every rule came to. Where a rule has something to tell when it passes ("Workspace template exists"), its check says
 * that; else it says what the rule reports.
 */
export function checksOf(context: EvalContext, judged: readonly Judged[], off: ReadonlySet<string>): ValidationCheck[] {
	const failed = new Set(judged.map(({ rule }) => rule.id));
	const topics = new Map<string, Topic[]>();
	for (const topic of topicsOf(context)) topics.set(topic.rule, [...(topics.get(topic.rule) ?? []), topic]);
	return rules.flatMap(({ id, summary }): ValidationCheck[] => {
		if (off.has(id)) return [{ rule: id, state: "skip", message: "switched off", notable: false }];
		const own = topics.get(id) ?? [];
		if (own.length > 0) return own.map((topic) => checkOf(topic, failed.has(id)));
		return [{ rule: id, state: failed.has(id) ? "fail" : "pass", message: `none: ${summary}`, notable: false }].map(
			(check) => (check.state === "fail" ? { ...check, message: summary } : check) as ValidationCheck,
		);
	});
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
		yield { rule: "targets.not-local", message: `Targets are defined beside the eval (${list(local)})` };
	const variables = [...new Set(usedVariables(context).map(({ name }) => name))];
	if (variables.length > 0)
		yield { rule: "env.undocumented", message: `Variables have defaults or are documented (${list(variables)})` };
	const { repository, loaded } = context;
	if (repository)
		yield {
			rule: "git.no-repo",
			message: `Git repo detected (${repository.head ? `commit: ${repository.head.slice(0, 7)}` : "no commit yet"})`,
		};
	else if (loaded.scope.rootKind === "bundle")
		yield { rule: "git.no-repo", message: "Bundle detected (manifest.json)" };
}

const pathTopic: readonly (readonly [kinds: readonly ReferenceKind[], message: string])[] = [
	[["tests", "suite"], "All test data paths resolve"],
	[["workspace-file"], "Workspace file exists"],
	[["template"], "Workspace template exists"],
	[["input-file", "metadata-file"], "Input files exist"],
	[["grader", "custom-grader"], "Code-grader scripts exist"],
	[["prompt", "prompt-command", "include"], "Grader prompts exist"],
	[["hook"], "Hook scripts exist"],
	[["extension", "agent-rules"], "Extension files exist"],
	[["target-command", "fixtures", "healthcheck"], "Target files exist"],
];

const named: Partial<Record<ReferenceKind, string>> = { tests: "tests: ", template: "workspace: " };

function* pathTopics(context: EvalContext): Generator<Topic> {
	const references = pathReferences(context);
	let any = false;
	for (const [kinds, message] of pathTopic) {
		const here = references.filter(
			({ kind, state }) => kinds.includes(kind) && state !== "opaque" && state !== "run-time",
		);
		if (here.length === 0) continue;
		any = true;
		const paths = [...new Set(here.map(({ kind, raw }) => `${named[kind] ?? ""}${raw}`))];
		yield {
			rule: "path.missing",
			message: `${message} (${list(paths)})`,
			failed: here.some(({ state }) => state === "missing"),
		};
	}
	if (!any && references.length === 0) yield { rule: "path.missing", message: "No file is needed beside the eval" };
}

function list(names: readonly string[]): string {
	return names.length > 3 ? `${names.slice(0, 3).join(", ")}, and ${names.length - 3} more` : names.join(", ");
}
