import { loadingRule, type Rule } from "../rule.ts";

export const testRules: readonly Rule[] = [
	loadingRule({
		id: "tests.duplicate-id",
		severity: "error",
		summary: "two tests of one eval share an id",
		docs: {
			why: "Results are stored by test id: one test would overwrite the other, and comparisons between runs would mix them.",
			bad: `tests:
  - id: add
    input: 1 + 1
    criteria: says 2
  - id: add
    input: 2 + 2
    criteria: says 4`,
			good: `tests:
  - id: add-one
    input: 1 + 1
    criteria: says 2
  - id: add-two
    input: 2 + 2
    criteria: says 4`,
			mend: "Give each test a unique id.",
		},
	}),
	loadingRule({
		id: "tests.incomplete",
		severity: "error",
		summary: "a test without an id, an input or anything that grades it",
		docs: {
			why: "A test that can't run or be graded must not be skipped silently: it fails the run.",
			bad: `tests:
  - id: greet
    input: Say hello`,
			good: `tests:
  - id: greet
    input: Say hello
    criteria: greets the user`,
			mend: "Add the field in the message: `id`, `input` (or a PROMPT.md next to the eval), or one of `criteria`, `expected_output`, `assertions`.",
		},
	}),
	loadingRule({
		id: "tests.depends-on",
		severity: "error",
		summary: "`depends_on` is not a test of the eval, or forms a cycle",
		docs: {
			why: "Tests are ordered by their dependencies: an unknown or cyclic one can never be satisfied.",
			bad: `tests:
  - id: build
    depends_on: setpu
    input: Build it
    criteria: it builds`,
			good: `tests:
  - id: setup
    input: Set it up
    criteria: it is set up
  - id: build
    depends_on: setup
    input: Build it
    criteria: it builds`,
			mend: "Use a test of the same eval, and break the cycle.",
		},
	}),
	loadingRule({
		id: "tests.empty",
		severity: "error",
		summary: "an eval, or a file of tests, without a test",
		docs: {
			why: "A run without tests would pass without testing anything.",
			bad: `name: my-eval
tests: []`,
			good: `name: my-eval
tests: ./cases.jsonl`,
			mend: "Add tests under `tests`, or remove the eval.",
		},
	}),
];
