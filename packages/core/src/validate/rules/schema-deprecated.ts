import { deprecatedChanges } from "../fix/deprecated-changes.ts";
import { loadingRule } from "../rule.ts";

export const schemaDeprecated = loadingRule({
	id: "schema.deprecated",
	group: "document",
	severity: "warning",
	fixedBy: "migrate",
	summary: "a deprecated spelling of a field",
	docs: {
		why: "Deprecated spellings still load, but readers and editors only know the current ones.",
		bad: `evaluators:
  - type: code_judge
    script: ./check.sh`,
		good: `assertions:
  - type: code-grader
    command: ./check.sh`,
		mend: "Use the spelling in the message; `agentv eval validate --migrate` rewrites fields that were only renamed.",
	},
	fix: deprecatedChanges,
});
