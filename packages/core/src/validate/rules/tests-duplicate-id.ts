import { loadingRule } from "../rule.ts";

export const testsDuplicateId = loadingRule({
	id: "tests.duplicate-id",
	group: "tests",
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
});
