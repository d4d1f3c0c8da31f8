import { loadingRule } from "../rule.ts";

export const targetsCircular = loadingRule({
	id: "targets.circular",
	group: "targets",
	severity: "error",
	summary: "`use_target` goes round in a circle",
	docs: {
		why: "A circle leads to no provider: nothing can run.",
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
		mend: "Let one target of the circle name a `provider`.",
	},
});
