import { loadingRule } from "../rule.ts";

export const assertionsUnknownType = loadingRule({
	id: "assertions.unknown-type",
	group: "assertions",
	severity: "error",
	summary: "an assertion type that is neither built in nor a program of the eval",
	docs: {
		why: "A grader that cannot be found cannot judge; the test's score would come from the others alone.",
		bad: `assertions:
  - type: containz
    value: hello`,
		good: `assertions:
  - type: contains
    value: hello`,
		mend: "Correct the type, or add `.agentv/graders/<type>.mjs` (or .js, .ts, .py, .sh) beside the eval.",
	},
});
