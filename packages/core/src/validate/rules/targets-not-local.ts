import { basename, dirname, relative, sep } from "node:path";
import type { Place } from "../../base/diagnostic.ts";
import type { TargetUse } from "../../model/used-targets.ts";
import type { EvalContext } from "../eval-context.ts";
import { rule } from "../rule.ts";

interface Data {
	/** The name that the eval, or a target beside it, uses. */
	readonly name: string;
	/** The file that defines it, as a reader would call it. */
	readonly from: string;
	readonly directory: string;
}

export const targetsNotLocal = rule<Data>({
	id: "targets.not-local",
	group: "targets",
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

/** The first step of a use's chain that leads out of the eval's directory: who names it, and where it is defined. */
function firstForeign({ choice, resolution }: TargetUse, { loaded, run }: EvalContext) {
	const via = resolution.ok ? resolution.target.via : resolution.via;
	let at = namedAt(choice);
	for (const { definition, next } of via) {
		if (definition.file === run.targetsFile) return undefined; // --targets was asked for
		if (definition.level !== loaded.scope.directory) return { name: definition.name, file: definition.file, at };
		at = next?.at ?? at;
	}
	return undefined;
}

/** Where a choice names the target: of one defined in the eval itself, where it says what it extends. */
function namedAt(choice: TargetUse["choice"]): Place {
	const key = "inline" in choice ? ["extends", "use_target"].find((one) => one in choice.inline) : undefined;
	return key === undefined ? choice.at : { ...choice.at, path: [...(choice.at.path ?? []), key] };
}

/** `parent .agentv/targets.yaml`, `../../targets.yaml`: short where it is one directory up. */
function called(file: string, directory: string): string {
	const level = basename(dirname(file)) === ".agentv" ? dirname(dirname(file)) : dirname(file);
	if (level === dirname(directory)) return `parent ${relative(level, file).split(sep).join("/")}`;
	return relative(directory, file).split(sep).join("/");
}
