import { loadingRule } from "../rule.ts";

export const schemaConflict = loadingRule({
	id: "schema.conflict",
	group: "document",
	severity: "error",
	summary: "two spellings of one field, side by side",
	docs: {
		why: "Only one of them could be read; the other one's graders, tests or settings would be without effect.",
		bad: `assertions:
  - { type: contains, value: hello }
evaluators:
  - { type: contains, value: world }`,
		good: `assertions:
  - { type: contains, value: hello }
  - { type: contains, value: world }`,
		mend: "Put everything under the newer spelling, which the message names first.",
	},
});
