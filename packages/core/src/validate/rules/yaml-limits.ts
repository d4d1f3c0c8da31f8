import { loadingRule } from "../rule.ts";

export const yamlLimits = loadingRule({
	id: "yaml.limits",
	group: "document",
	severity: "error",
	summary: "the file is too large, too deep, or its aliases or references expand to too much",
	docs: {
		why: "Files beyond 10 MB, 100 levels or 1,000,000 values (aliases written out) are refused, and references that put in more than 50,000,000 characters, so that no file can exhaust the machine that reads it.",
		bad: `a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
# … and so on`,
		good: `tests: ./cases.jsonl`,
		mend: "Move large test data into a JSONL file and name it under `tests`; use fewer aliases of large anchors.",
	},
});
