import { loadingRule } from "../rule.ts";

export const testsDependsOn = loadingRule({
	id: "tests.depends-on",
	group: "tests",
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
});
