import { loadingRule } from "../rule.ts";

export const testsDependsOn = loadingRule({
	id: "tests.depends-on",
	group: "tests",
	severity: "error",
	summary: "`depends_on` names no test of the eval, or goes round in a circle",
	docs: {
		why: "Tests are ordered by their dependencies: an unknown or circular one can never be satisfied.",
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
		mend: "Name a test of the same eval, and break the circle.",
	},
});
