import { loadingRule } from "../rule.ts";

export const varsUnknown = loadingRule({
	id: "vars.unknown",
	group: "variables",
	severity: "error",
	summary: "a `{{ name }}` that is not in the test's `vars` (a warning if the test has none)",
	docs: {
		why: "The target or grader would get the braces instead of the value.",
		bad: `tests:
  - id: greet
    vars: { person: Ada }
    input: Say hello to {{ persn }}
    criteria: greets {{ person }}`,
		good: `tests:
  - id: greet
    vars: { person: Ada }
    input: Say hello to {{ person }}, not to {{{{ person }}}}
    criteria: greets {{ person }}`,
		mend: "Fix the name, or add it to `vars`. `{{{{ name }}}}` is a literal `{{ name }}`.",
	},
});
