import { loadingRule } from "../rule.ts";

export const assertionsRegex = loadingRule({
	id: "assertions.regex",
	group: "assertions",
	severity: "error",
	summary: "an invalid regular expression",
	docs: {
		why: "The pattern would fail at run time, after the cost of calling the target.",
		bad: `assertions:
  - type: regex
    value: "(hello"`,
		good: `assertions:
  - type: regex
    value: "\\\\(hello"`,
		mend: "Fix the pattern at the marked position; JavaScript's syntax applies.",
	},
});
