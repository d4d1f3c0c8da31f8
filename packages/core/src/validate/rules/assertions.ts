import { loadingRule, type Rule } from "../rule.ts";

export const assertionRules: readonly Rule[] = [
	loadingRule({
		id: "assertions.unknown-type",
		severity: "error",
		summary: "an assertion type that is not built in or a program of the eval",
		docs: {
			why: "A missing grader can't grade; the test's score would come from the others alone.",
			bad: `assertions:
  - type: containz
    value: hello`,
			good: `assertions:
  - type: contains
    value: hello`,
			mend: "Fix the type, or add `.agentv/graders/<type>.mjs` (or .js, .ts, .py, .sh) next to the eval.",
		},
	}),
	loadingRule({
		id: "assertions.regex",
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
	}),
	loadingRule({
		id: "assertions.weight",
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
	}),
	loadingRule({
		id: "assertions.prompt-variable",
		severity: "error",
		summary: "a grader prompt with an unknown variable, or with variables that don't include the answer",
		docs: {
			why: "The grader model would score an answer that it never sees.",
			bad: `assertions:
  - type: llm-grader
    prompt: "Does it meet {{ critera }}? {{ output }}"`,
			good: `assertions:
  - type: llm-grader
    prompt: "Does it meet {{ criteria }}? {{ output }}"`,
			mend: "Fix the name, and use a variable that contains the answer; an aggregator's prompt needs `{{ grader_results_json }}`. A prompt without variables is an instruction, and the material is appended to it.",
		},
	}),
	loadingRule({
		id: "assertions.json-schema",
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
	}),
	loadingRule({
		id: "assertions.field-path",
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
	}),
];
