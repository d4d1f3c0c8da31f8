import { basename, dirname, relative, sep } from "node:path";
import { emptyCredential, emptyCredentials, emptyEvalCredentials } from "../../eval/resolve-command.ts";
import { defaultTarget, type TargetUse } from "../../eval/resolve-target.ts";
import { placeBelow } from "../../eval/source.ts";
import type { Diagnostic, Place } from "../../lib/errors.ts";
import {
	type EvalContext,
	hopsOf,
	literalSecrets,
	placedRepos,
	samePlace,
	usedDefinitions,
	workspacesOf,
	writtenValue,
} from "../eval-context.ts";
import { loadingRule, type Rule, rule } from "../rule.ts";

const targetsCircular = loadingRule({
	id: "targets.circular",
	severity: "error",
	summary: "`use_target` forms a cycle",
	docs: {
		why: "A cycle never reaches a provider: nothing can run.",
		bad: `targets:
  - name: default
    use_target: claude
  - name: claude
    use_target: default`,
		good: `targets:
  - name: default
    use_target: claude
  - name: claude
    provider: claude`,
		mend: "Set a `provider` in one target of the cycle.",
	},
});

const targetsEmptyCredential: Rule = {
	id: emptyCredential.rule,
	severity: emptyCredential.severity,
	summary: "a credential or `base_url` that is empty (a warning for a variable)",
	docs: {
		why: "The server would reject the run, or the run would contact a different server than intended.",
		bad: `targets:
  - name: grader
    provider: openai
    model: gpt-5-mini
    api_key: ""`,
		good: `targets:
  - name: grader
    provider: openai
    model: gpt-5-mini
    api_key: \${{ OPENAI_API_KEY }}   # \${{ OPENAI_API_KEY:-}} if it may be missing`,
		mend: "Use a variable with the value. `${{ KEY:-}}` allows it to be empty.",
	},
	*check({ loaded, targets, uses }): Iterable<Diagnostic> {
		const sources = new Map([...targets.sources, ...loaded.sources]);
		const used = uses.flatMap(({ implied, resolution }) => (resolution.ok && !implied ? [resolution.target] : []));
		const diagnostics = [...new Set(used)].flatMap((target) => emptyCredentials(target, { sources }));
		// A variable's value belongs to the machine: a run is refused, but the eval can be correct.
		for (const empty of [...diagnostics, ...emptyEvalCredentials(loaded)])
			yield empty.data.name === undefined ? empty : { ...empty, severity: "warning" };
	},
};

const targetsEnvChosen = rule<{ chosen: string; variables: readonly string[]; unset: boolean }>({
	id: "targets.env-chosen",
	severity: "warning",
	summary: "a variable that selects the target",
	docs: {
		why: "Users with different environments run different targets under one name, and their results are not comparable.",
		bad: `targets:
  - name: default
    use_target: \${{ AGENT_TARGET:-claude }}`,
		good: `targets:
  - name: default
    use_target: claude   # another one: agentv eval run --target codex`,
		mend: "Use a fixed target name, and select another one with `--target`; results record which one ran.",
	},
	message: ({ chosen, variables, unset }) =>
		unset
			? `the target can't be determined: ${variables.join(", ")} is not set`
			: `the target depends on ${variables.join(", ")} (currently ${chosen})`,
	*check({ loaded, targets, uses }) {
		const seen = new Set<string>();
		const variables = [...loaded.variables, ...[...targets.sources.values()].flatMap((source) => source.variables)];
		if (variables.length === 0) return;
		for (const use of uses) {
			const steps: { name: string; at: Place }[] = [use.choice, ...hopsOf(use).flatMap(({ next }) => next ?? [])];
			for (const { name, at } of steps) {
				const here = variables.filter((variable) => samePlace(variable.at, at));
				const key = `${at.file}\0${(at.path ?? []).join("\0")}`;
				if (here.length === 0 || seen.has(key)) continue;
				seen.add(key);
				const names = [...new Set(here.map((variable) => variable.name))];
				yield { data: { chosen: name, variables: names, unset: here.some(({ state }) => state === "unset") }, at };
			}
		}
	},
});

export const targetsLiteralSecret = rule<{ field: string }>({
	id: "targets.literal-secret",
	severity: "error",
	summary: "a literal credential",
	docs: {
		why: "Everyone who gets the eval gets the key; git keeps it forever, and a bundle distributes it.",
		bad: `targets:
  - name: judge
    provider: openai
    api_key: sk-proj-0123456789abcdef`,
		good: `targets:
  - name: judge
    provider: openai
    api_key: \${{ OPENAI_API_KEY }}`,
		mend: "Use a variable instead, keep its value in the environment or an ignored `.env` file, and revoke the key if it was ever committed.",
	},
	message: ({ field }) => `${field} contains a literal credential`,
	hint: ({ field }) => `use \${{ ${field.toUpperCase().replace(/[^A-Z0-9]+/g, "_")} }} and set it in the environment`,
	*check(context) {
		for (const at of suspects(context))
			for (const { field, path } of literalSecrets(writtenValue(at, context)))
				yield { data: { field }, at: placeBelow(at, ...path) };
	},
});

/** Includes inline targets, and workspaces' variables and repositories. */
function suspects(context: EvalContext): Place[] {
	const { targets, loaded, uses } = context;
	const local = targets.names.flatMap((name) => {
		const definition = targets.find(name);
		return definition?.level === loaded.scope.directory ? [definition] : [];
	});
	const definitions = new Set([...usedDefinitions(context), ...local]);
	const inline = uses.flatMap(({ choice }) => ("inline" in choice ? [choice.at] : []));
	const environments = workspacesOf(loaded).map(({ at }) => placeBelow(at, "env"));
	const repositories = placedRepos(loaded).map(({ at }) => at);
	return [...[...definitions].map(({ part }) => part.at), ...inline, ...environments, ...repositories];
}

const targetsNotLocal = rule<{ name: string; from: string; directory: string }>({
	id: "targets.not-local",
	severity: "error",
	fixedBy: "fix",
	summary: "a target that is defined in a parent directory",
	docs: {
		why: "A copy of the eval loses the target, or silently uses another one of the same name.",
		bad: `# evals/greeting/eval.yaml
target: claude          # defined in evals/targets.yaml`,
		good: `# evals/greeting/targets.yaml, next to the eval
targets:
  - name: claude
    provider: claude
    model: \${{ CLAUDE_MODEL:-sonnet }}`,
		mend: "Define the target in a targets.yaml next to the eval. `--fix` copies it there with everything it refers to, keeping variables.",
	},
	message: ({ name, from }) => `Target ${JSON.stringify(name)} resolved from ${from} — not self-contained`,
	*check(context) {
		const { directory } = context.loaded.scope;
		for (const use of context.uses) {
			const hop = firstForeign(use, context);
			if (!hop) continue;
			yield { data: { name: hop.name, from: called(hop.file, directory), directory }, at: hop.at };
		}
	},
	fix: ({ data }) => [
		{ kind: "target", name: data.name, directory: data.directory, says: `target ${data.name} copied next to the eval` },
	],
});

function firstForeign(use: TargetUse, { loaded, run }: EvalContext) {
	let at = namedAt(use.choice);
	for (const { definition, next } of hopsOf(use)) {
		if (definition.file === run.targetsFile) return undefined; // --targets was requested.
		if (definition.level !== loaded.scope.directory) return { name: definition.name, file: definition.file, at };
		at = next?.at ?? at;
	}
	return undefined;
}

function namedAt(choice: TargetUse["choice"]): Place {
	const key = "inline" in choice ? ["extends", "use_target"].find((field) => field in choice.inline) : undefined;
	return key === undefined ? choice.at : placeBelow(choice.at, key);
}

function called(file: string, directory: string): string {
	const level = basename(dirname(file)) === ".agentv" ? dirname(dirname(file)) : dirname(file);
	const path = level === dirname(directory) ? `parent ${relative(level, file)}` : relative(directory, file);
	return path.split(sep).join("/");
}

const targetsUndefined = rule<{ name: string }>({
	id: "targets.undefined",
	severity: "error",
	summary: "a target that is not defined, or can't run",
	docs: {
		why: "Without a target the run ends before its first test.",
		bad: `# eval.yaml
target: cluade`,
		good: `# eval.yaml
target: claude
# targets.yaml next to it
targets:
  - name: claude
    provider: claude`,
		mend: "Fix the name, or define the target in a targets.yaml next to the eval, with a known `provider` and the settings it needs.",
	},
	message: () => `no target is specified, and there is no target "${defaultTarget}"`,
	hint: () => `set one under \`target\`, or run with --target`,
	*check({ loaded, uses }) {
		// An eval without a target may expect --target.
		for (const { implied, role, choice, resolution } of uses)
			if (implied && role === "target" && !resolution.ok && resolution.via.length === 0)
				yield { data: { name: choice.name }, at: { file: loaded.file, path: [] }, severity: "warning" };
	},
	*more({ uses }) {
		for (const { implied, role, resolution } of uses) {
			if (implied && role === "target" && resolution.ok === false && resolution.via.length === 0) continue;
			for (const diagnostic of resolution.diagnostics)
				if (diagnostic.rule === "targets.undefined")
					yield implied ? { ...diagnostic, severity: "warning" } : diagnostic;
		}
	},
});

export const targetRules: readonly Rule[] = [
	targetsUndefined,
	targetsNotLocal,
	targetsCircular,
	targetsEnvChosen,
	targetsLiteralSecret,
	targetsEmptyCredential,
];
