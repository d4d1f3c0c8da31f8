import { evals, type RuleFixture, sound, test } from "./rule-fixture.ts";

const assertion = (text: string) => evals(test(`    assertions: [{ ${text} }]\n`));
const second = (fields: string) => evals(test(`  - { id: b, input: x, criteria: y${fields} }\n`));

export const testFixtures: readonly RuleFixture[] = [
	{
		rule: "tests.duplicate-id",
		bad: evals(test("  - { id: a, input: x, criteria: y }\n")),
		found: 'evals/eval.yaml:6:11 error test id "a" is already used at evals/eval.yaml:3',
		good: second(""),
	},
	{
		rule: "tests.incomplete",
		bad: evals("target: local\ntests:\n  - id: a\n    input: x\n"),
		found: 'evals/eval.yaml:3:5 error test "a" has no criteria, expected_output or assertions',
		good: evals("target: local\ntests:\n  - id: a\n    input: x\n    expected_output: y\n"),
	},
	{
		rule: "tests.depends-on",
		bad: second(", depends_on: c"),
		found: 'evals/eval.yaml:6:49 error test "b" depends on "c", which is no test of this eval',
		hint: false,
		good: second(", depends_on: a"),
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
		rule: "assertions.regex",
		bad: assertion("type: regex, value: '(x'"),
		found: "evals/eval.yaml:6:40 error the regular expression cannot be read: /(x/: Unterminated group",
		hint: false,
		good: assertion("type: regex, value: '(x)'"),
	},
	{
		rule: "assertions.weight",
		bad: assertion("type: contains, value: x, weight: -1"),
		found: "evals/eval.yaml:6:54 error weight: must be at least 0",
		hint: false,
		good: assertion("type: contains, value: x, weight: 0"),
	},
];
