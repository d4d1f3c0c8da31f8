import { loadingRule } from "../rule.ts";

export const assertionsFieldPath = loadingRule({
	id: "assertions.field-path",
	group: "assertions",
	severity: "error",
	summary: "a field of `field-accuracy` that no reference has",
	docs: {
		why: "No comparison would include it, so answers without it would pass.",
		bad: `tests:
  - id: invoice
    input: Read the invoice
    expected_output: { total: 9 }
    assertions:
      - { type: field-accuracy, fields: [{ path: totl }] }`,
		good: `tests:
  - id: invoice
    input: Read the invoice
    expected_output: { total: 9 }
    assertions:
      - { type: field-accuracy, fields: [{ path: total }] }`,
		mend: 'Use a field of `expected_output`: `a.b`, `list[0].c`, and `["a.b"]` for a key with a dot.',
	},
});
