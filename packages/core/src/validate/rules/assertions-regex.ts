import { loadingRule } from "../rule.ts";

export const assertionsRegex = loadingRule({
	id: "assertions.regex",
	group: "assertions",
	severity: "error",
	summary: "a regular expression that cannot be read",
	docs: {
		why: "The pattern would fail at run time, after the target has been paid for.",
		bad: `assertions:
  - type: regex
    value: "(hello"`,
		good: `assertions:
  - type: regex
    value: "\\\\(hello"`,
		mend: "Correct the pattern at the marked place; JavaScript's syntax applies.",
	},
});
