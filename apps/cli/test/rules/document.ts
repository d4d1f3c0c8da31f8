import { evals, type RuleFixture, sound, test, top } from "./rule-fixture.ts";

const older = test("    expected_outcome: greets\n").replace("    criteria: greets\n", "");

export const documentFixtures: readonly RuleFixture[] = [
	{
		rule: "yaml.syntax",
		bad: evals('tests:\n  - id: "one\n'),
		found: 'evals/eval.yaml:3:1 error Missing closing "quote',
		hint: false,
		good: evals(test("").replace("id: a", 'id: "a"')),
	},
	{
		rule: "yaml.limits",
		bad: evals(`a: ${"[".repeat(120)}${"]".repeat(120)}\n`),
		found: "evals/eval.yaml:1:105 error The file nests values more than 100 levels deep",
		good: evals(top(`metadata: { deep: ${"[".repeat(80)}${"]".repeat(80)} }`)),
	},
	{
		rule: "schema.shape",
		bad: evals(top("threshold: high")),
		found: "evals/eval.yaml:1:12 error threshold: expected a number, got text",
		hint: false,
		good: evals(top("threshold: 0.5")),
	},
	{
		rule: "schema.unknown-field",
		bad: evals(top("treshold: 0.5")),
		found: 'evals/eval.yaml:1:1 warning unknown field "treshold"',
		good: evals(top("threshold: 0.5")),
	},
	{
		rule: "schema.deprecated",
		bad: evals(older),
		found: 'evals/eval.yaml:5:5 warning "expected_outcome" is an older spelling of criteria',
		good: sound,
	},
];
