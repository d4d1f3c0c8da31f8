import { loadingRule } from "../rule.ts";

export const testsIncomplete = loadingRule({
	id: "tests.incomplete",
	group: "tests",
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
});
