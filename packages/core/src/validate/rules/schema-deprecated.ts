import { deprecatedChanges } from "../fix/deprecated-changes.ts";
import { loadingRule } from "../rule.ts";

export const schemaDeprecated = loadingRule({
	id: "schema.deprecated",
	group: "document",
	severity: "warning",
	fixedBy: "migrate",
	summary: "an older spelling of a field",
	docs: {
		why: "Older spellings still load, but readers and editors know only today's.",
		bad: `evaluators:
  - type: code_judge
    script: ./check.sh`,
		good: `assertions:
  - type: code-grader
    command: ./check.sh`,
		mend: "Write what the message says; `agentv eval validate --migrate` does it where the field only has another name.",
	},
	fix: deprecatedChanges,
});
