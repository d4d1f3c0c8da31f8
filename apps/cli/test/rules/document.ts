import { evals, type RuleFixture, row, sound, test, top } from "./rule-fixture.ts";

const graded = (fields: string) => evals(test(`    assertions: [{ ${fields} }]\n`));
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
		rule: "yaml.syntax",
		bad: { "evals/eval.yaml": Buffer.from("name: \xe9\n", "latin1") },
		found: "evals/eval.yaml:1:1 error eval.yaml is not UTF-8 text",
		hint: false,
	},
	{
		rule: "yaml.syntax",
		bad: evals("target: local\ntests: ./cases.jsonl\n", { "evals/cases.jsonl": `${row}{"id": "b",}\n` }),
		found: "evals/cases.jsonl:2:12 error Not JSON: Expected double-quoted property name at column 12",
		hint: false,
	},
	{
		rule: "yaml.limits",
		bad: evals(`a: ${"[".repeat(120)}${"]".repeat(120)}\n`),
		found: "evals/eval.yaml:1:105 error The file nests values more than 100 levels deep",
		good: evals(top(`metadata: { deep: ${"[".repeat(80)}${"]".repeat(80)} }`)),
	},
	{
		rule: "yaml.limits",
		bad: evals(
			`target: local\ntests: [{id: a, vars: {v: ${"x".repeat(60_000)}}, input: "${"{{ v }}".repeat(1_000)}", criteria: c}]\n`,
		),
		found: "evals/eval.yaml:1:1 error References insert more than 50,000,000 characters",
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
		rule: "schema.unknown-field",
		bad: graded("type: contains, value: x, valu: y"),
		found: 'evals/eval.yaml:6:46 error unknown field "valu"',
		good: graded("type: contains, value: x, x-note: y"),
	},
	{
		rule: "schema.conflict",
		bad: evals(test("    expected_outcome: greets\n")),
		found: 'evals/eval.yaml:6:5 error "criteria" and "expected_outcome" are two spellings of one field',
		good: sound,
	},
	{
		rule: "schema.conflict",
		bad: evals(top("threshold: 0.5\nexecution: { threshold: 0.6 }")),
		found: 'evals/eval.yaml:2:14 error "threshold" and "execution.threshold" are two spellings of one field',
		good: evals(top("threshold: 0.5\nexecution: { threshold: 0.5 }")),
	},
	{
		rule: "schema.unsupported",
		bad: evals(top("workspace: { docker: { image: node } }")),
		found: 'evals/eval.yaml:1:14 error "docker" is not supported',
		good: evals(top("workspace: { env: { A: b } }")),
	},
	{
		rule: "schema.unsupported",
		bad: { "evals/targets.yaml": "targets: [{ name: local, provider: mock, log_dir: ./logs }]\n" },
		found: 'evals/targets.yaml:1:42 warning "log_dir" is not supported',
	},
	{
		rule: "schema.deprecated",
		bad: evals(older),
		found: 'evals/eval.yaml:5:5 warning "expected_outcome" is a deprecated spelling of criteria',
		good: sound,
		fixed: sound,
	},
	{
		rule: "schema.deprecated",
		bad: graded("type: llm_judge, prompt: Is it?"),
		found: 'evals/eval.yaml:6:26 warning "llm_judge" is a deprecated spelling of llm-grader',
		fixed: graded("type: llm-grader, prompt: Is it?"),
	},
	{
		rule: "schema.deprecated",
		bad: { ...graded("type: code-grader, script: [node, ./x.mjs]"), "evals/x.mjs": "" },
		found: 'evals/eval.yaml:6:39 warning "script" is a deprecated spelling of command',
		fixed: graded("type: code-grader, command: [node, ./x.mjs]"),
	},
	{
		rule: "schema.deprecated",
		bad: { ...graded("type: code-grader, command: [node, ./x.mjs], timeout_ms: 5000"), "evals/x.mjs": "" },
		found: 'evals/eval.yaml:6:65 warning "timeout_ms" is a deprecated spelling of timeout_seconds',
		fixed: graded("type: code-grader, command: [node, ./x.mjs], timeout_seconds: 5"),
	},
];
