import { loadingRule } from "../rule.ts";

export const schemaConflict = loadingRule({
	id: "schema.conflict",
	group: "document",
	severity: "error",
	summary: "two spellings of one field",
	docs: {
		why: "Only one of them would be used; the other one's graders, tests or settings would have no effect.",
		bad: `assertions:
  - { type: contains, value: hello }
evaluators:
  - { type: contains, value: world }`,
		good: `assertions:
  - { type: contains, value: hello }
  - { type: contains, value: world }`,
		mend: "Move everything to the current spelling, which the message shows first.",
	},
});
