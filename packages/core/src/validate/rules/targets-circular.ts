import { loadingRule } from "../rule.ts";

export const targetsCircular = loadingRule({
	id: "targets.circular",
	group: "targets",
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
