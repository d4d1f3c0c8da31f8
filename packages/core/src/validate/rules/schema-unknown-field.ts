import { loadingRule } from "../rule.ts";

export const schemaUnknownField = loadingRule({
	id: "schema.unknown-field",
	group: "document",
	severity: "warning",
	summary: "a field that the format does not know",
	docs: {
		why: "A misspelt field is silently without effect: the run uses a default instead.",
		bad: `treshold: 0.9`,
		good: `threshold: 0.9`,
		mend: "Correct the spelling, or move data of your own under `metadata`.",
	},
});
