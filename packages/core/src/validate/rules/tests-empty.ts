import { loadingRule } from "../rule.ts";

export const testsEmpty = loadingRule({
	id: "tests.empty",
	group: "tests",
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
});
