import { evals, type RuleFixture, sound, test } from "./rule-fixture.ts";

const assertion = (text: string) => evals(test(`    assertions: [{ ${text} }]\n`));
const second = (fields: string) => evals(test(`  - { id: b, input: x, criteria: y${fields} }\n`));

export const testFixtures: readonly RuleFixture[] = [
	{
		rule: "tests.duplicate-id",
		bad: evals(test("  - { id: a, input: x, criteria: y }\n")),
		found: 'evals/eval.yaml:6:11 error test id "a" is already used at eval.yaml:3',
		good: second(""),
	},
	{
		rule: "tests.incomplete",
		bad: evals("target: local\ntests:\n  - id: a\n    input: x\n"),
		found: 'evals/eval.yaml:3:5 error test "a" has no criteria, expected_output or assertions',
		good: evals("target: local\ntests:\n  - id: a\n    input: x\n    expected_output: y\n"),
	},
	{
		rule: "tests.incomplete",
		bad: evals(test("  - { input: x, criteria: y }\n")),
		found: "evals/eval.yaml:6:5 error a test has no id",
	},
	{
		rule: "tests.incomplete",
		bad: evals(test("  - { id: b, input: ' ', criteria: y }\n")),
		found: 'evals/eval.yaml:6:5 error test "b" has no input',
		good: { ...evals(test("  - { id: b, criteria: y }\n")), "evals/PROMPT.md": "Say hello" },
	},
	{
		rule: "tests.incomplete",
		bad: evals(test("  - { id: b, input: x, criteria: '' }\n")),
		found: 'evals/eval.yaml:6:5 error test "b" has no criteria, expected_output or assertions',
	},
	{
		rule: "tests.depends-on",
		bad: second(", depends_on: c"),
		found: 'evals/eval.yaml:6:49 error test "b" depends on "c", which is not a test of this eval',
		hint: false,
		good: second(", depends_on: a"),
	},
	{
		rule: "tests.depends-on",
		bad: evals(test("    depends_on: [b]\n  - { id: b, input: x, criteria: y, depends_on: a }\n")),
		found: "evals/eval.yaml:6:17 error tests depend on each other in a cycle: a → b → a",
		hint: false,
	},
	{
		rule: "tests.empty",
		bad: evals("target: local\ntests: ./cases.jsonl\n", { "evals/cases.jsonl": "" }),
		found: "evals/eval.yaml:2:8 error ./cases.jsonl contains no test",
	},
	{
		rule: "tests.empty",
		bad: evals("target: local\ntests: []\n"),
		found: "evals/eval.yaml:1:1 error the eval has no tests",
		good: sound,
	},
];

export const assertionFixtures: readonly RuleFixture[] = [
	{
		rule: "assertions.unknown-type",
		bad: assertion("type: containz, value: x"),
		found:
			'evals/eval.yaml:6:26 error unknown assertion type "containz" (no .agentv/graders/containz.{mjs,js,ts,py,sh} either)',
		good: assertion("type: contains, value: x"),
	},
	{
		rule: "assertions.unknown-type",
		bad: assertion("type: composite, assertions: [{ type: nope }], aggregator: { type: weighted_average }"),
		found:
			'evals/eval.yaml:6:58 error unknown assertion type "nope" (no .agentv/graders/nope.{mjs,js,ts,py,sh} either)',
		good: {
			...assertion("type: composite, assertions: [{ type: nope }], aggregator: { type: weighted_average }"),
			"evals/.agentv/graders/nope.mjs": "",
		},
	},
	{
		rule: "assertions.regex",
		bad: assertion("type: regex, value: '(x'"),
		found: "evals/eval.yaml:6:40 error invalid regular expression: /(x/: Unterminated group",
		hint: false,
		good: assertion("type: regex, value: '(x)'"),
	},
	{
		rule: "assertions.regex",
		bad: assertion("type: regex, value: x, flags: q"),
		found: "evals/eval.yaml:6:50 error invalid regular expression: Invalid flags supplied to RegExp constructor 'q'",
		hint: false,
		good: assertion("type: regex, value: x, flags: i"),
	},
	{
		rule: "assertions.prompt-variable",
		bad: assertion("type: llm-grader, prompt: 'Is {{ output }} by {{ critera }}?'"),
		found: "evals/eval.yaml:6:66 error the prompt uses {{ critera }}, which is not a variable",
		good: assertion("type: llm-grader, prompt: 'Is {{ output }} by {{ criteria }}?'"),
	},
	{
		rule: "assertions.prompt-variable",
		bad: { ...assertion("type: llm-grader, prompt: ./p.md"), "evals/p.md": "Judge:\n  {{ criteria }}\n" },
		found: "evals/p.md:2:3 error the prompt uses variables, but none that contains the answer",
		good: { ...assertion("type: llm-grader, prompt: ./p.md"), "evals/p.md": "Is it short?\n" },
	},
	{
		rule: "assertions.json-schema",
		bad: assertion("type: is-json, schema: { type: [1] }"),
		found:
			"evals/eval.yaml:6:43 error invalid JSON Schema: data/type must be equal to one of the allowed values, data/type/0 must be equal to one of the allowed values, data/type must match a schema in anyOf",
		hint: false,
		good: assertion("type: is-json, schema: { type: [string] }"),
	},
	{
		rule: "assertions.field-path",
		bad: evals(
			test("    expected_output: { a: 1 }\n    assertions: [{ type: field-accuracy, fields: [{ path: b }] }]\n"),
		),
		found: 'evals/eval.yaml:7:59 error none of the compared `expected_output` values has the field "b"',
		good: evals(
			test(
				"    expected_output: { a.b: 1 }\n    assertions: [{ type: field-accuracy, fields: [{ path: '[\"a.b\"]' }] }]\n",
			),
		),
	},
	{
		rule: "assertions.weight",
		bad: assertion("type: contains, value: x, weight: -1"),
		found: "evals/eval.yaml:6:54 error weight: must be at least 0",
		hint: false,
		good: assertion("type: contains, value: x, weight: 0"),
	},
];
