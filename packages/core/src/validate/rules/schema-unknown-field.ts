import { loadingRule } from "../rule.ts";

export const schemaUnknownField = loadingRule({
	id: "schema.unknown-field",
	group: "document",
	severity: "warning",
	summary: "a field that the format does not define",
	docs: {
		why: "A misspelled field silently has no effect: the run uses a default instead.",
		bad: `treshold: 0.9`,
		good: `threshold: 0.9`,
		mend: "Fix the spelling, or move your own data to `metadata`.",
	},
});
