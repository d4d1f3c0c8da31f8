import { loadingRule } from "../rule.ts";

export const assertionsWeight = loadingRule({
	id: "assertions.weight",
	group: "assertions",
	severity: "error",
	summary: "a weight that is not a number, or is negative",
	docs: {
		why: "Weights define a grader's share of the mean; a negative one would invert its verdict.",
		bad: `assertions:
  - type: contains
    value: hello
    weight: -1`,
		good: `assertions:
  - type: contains
    value: hello
    weight: 2
    # negate: true inverts the verdict`,
		mend: "Use a number of at least 0; `negate: true` inverts a verdict.",
	},
});
