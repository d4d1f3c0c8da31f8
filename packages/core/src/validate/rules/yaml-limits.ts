import { loadingRule } from "../rule.ts";

export const yamlLimits = loadingRule({
	id: "yaml.limits",
	group: "document",
	severity: "error",
	summary: "the file is too large, too deep, or expands too much through aliases or references",
	docs: {
		why: "Files beyond 10 MB, 100 levels or 1,000,000 values (with aliases expanded) are rejected, and so are references that insert more than 50,000,000 characters, so that no file can exhaust the machine.",
		bad: `a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
# … and so on`,
		good: `tests: ./cases.jsonl`,
		mend: "Move large test data into a JSONL file and set its path under `tests`; use fewer aliases of large anchors.",
	},
});
