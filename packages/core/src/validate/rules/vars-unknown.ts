import { loadingRule } from "../rule.ts";

export const varsUnknown = loadingRule({
	id: "vars.unknown",
	group: "variables",
	severity: "error",
	summary: "a `{{ name }}` that none of the test's `vars` fills (a warning where the test has none)",
	docs: {
		why: "The target or the judge would read the braces instead of the value.",
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
		mend: "Correct the name, or add it to `vars`. `{{{{ name }}}}` is a literal `{{ name }}`.",
	},
});
