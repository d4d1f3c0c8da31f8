import { loadingRule } from "../rule.ts";

export const assertionsFieldPath = loadingRule({
	id: "assertions.field-path",
	group: "assertions",
	severity: "error",
	summary: "a field of `field-accuracy` that every reference lacks",
	docs: {
		why: "It would be left out of every comparison, so that answers pass which lack it.",
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
		mend: 'Name a field of `expected_output`: `a.b`, `list[0].c`, and `["a.b"]` for a key that holds a dot.',
	},
});
