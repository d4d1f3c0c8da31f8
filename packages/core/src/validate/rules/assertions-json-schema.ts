import { loadingRule } from "../rule.ts";

export const assertionsJsonSchema = loadingRule({
	id: "assertions.json-schema",
	group: "assertions",
	severity: "error",
	summary: "a JSON Schema that can't be used",
	docs: {
		why: "The grader could not run, after the target has been paid for.",
		bad: `assertions:
  - type: is-json
    schema: { type: strin }`,
		good: `assertions:
  - type: is-json
    schema: { type: string }`,
		mend: "Correct the schema: draft 7, or 2019-09 and 2020-12 by its `$schema`.",
	},
});
