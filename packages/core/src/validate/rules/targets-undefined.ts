import type { Diagnostic } from "../../base/diagnostic.ts";
import { defaultTarget } from "../../model/used-targets.ts";
import { type Rule, rule } from "../rule.ts";

const spec = rule<{ name: string }>({
	id: "targets.undefined",
	group: "targets",
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
		// An eval that names no target may be meant to be given one by --target.
		for (const { implied, role, choice, resolution } of uses)
			if (implied && role === "target" && !resolution.ok && resolution.via.length === 0)
				yield { data: { name: choice.name }, at: { file: loaded.file, path: [] }, severity: "warning" };
	},
});

export const targetsUndefined: Rule = {
	...spec,
	*check(context): Iterable<Diagnostic> {
		yield* spec.check(context);
		for (const { implied, role, resolution } of context.uses) {
			if (implied && role === "target" && resolution.ok === false && resolution.via.length === 0) continue;
			for (const found of resolution.diagnostics)
				if (found.rule === spec.id) yield implied ? { ...found, severity: "warning" } : found;
		}
	},
};
