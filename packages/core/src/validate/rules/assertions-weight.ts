import { loadingRule } from "../rule.ts";

export const assertionsWeight = loadingRule({
	id: "assertions.weight",
	group: "assertions",
	severity: "error",
	summary: "a weight that is no number, or is negative",
	docs: {
		why: "Weights say how much a grader counts in the mean; a negative one would turn its verdict round.",
		bad: `assertions:
  - type: contains
    value: hello
    weight: -1`,
		good: `assertions:
  - type: contains
    value: hello
    weight: 2
    # negate: true turns a verdict round`,
		mend: "Use a number from 0 up; `negate: true` turns a verdict round.",
	},
});
