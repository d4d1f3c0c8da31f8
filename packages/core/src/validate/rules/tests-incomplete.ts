import { loadingRule } from "../rule.ts";

export const testsIncomplete = loadingRule({
	id: "tests.incomplete",
	group: "tests",
	severity: "error",
	summary: "a test without an id, an input or anything that grades it",
	docs: {
		why: "A test that cannot run or cannot be judged must not be left out silently: it fails the run.",
		bad: `tests:
  - id: greet
    input: Say hello`,
		good: `tests:
  - id: greet
    input: Say hello
    criteria: greets the user`,
		mend: "Add what the message names: `id`, `input` (or a PROMPT.md beside the eval), or one of `criteria`, `expected_output`, `assertions`.",
	},
});
