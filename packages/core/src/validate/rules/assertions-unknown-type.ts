import { loadingRule } from "../rule.ts";

export const assertionsUnknownType = loadingRule({
	id: "assertions.unknown-type",
	group: "assertions",
	severity: "error",
	summary: "an assertion type that is not built in or a program of the eval",
	docs: {
		why: "A missing grader can't grade; the test's score would come from the others alone.",
		bad: `assertions:
  - type: containz
    value: hello`,
		good: `assertions:
  - type: contains
    value: hello`,
		mend: "Fix the type, or add `.agentv/graders/<type>.mjs` (or .js, .ts, .py, .sh) next to the eval.",
	},
});
