import { loadingRule } from "../rule.ts";

export const assertionsJsonSchema = loadingRule({
	id: "assertions.json-schema",
	group: "assertions",
	severity: "error",
	summary: "an invalid JSON Schema",
	docs: {
		why: "The grader would fail after the cost of calling the target.",
		bad: `assertions:
  - type: is-json
    schema: { type: strin }`,
		good: `assertions:
  - type: is-json
    schema: { type: string }`,
		mend: "Fix the schema: draft 7, or 2019-09 and 2020-12 with `$schema`.",
	},
});
