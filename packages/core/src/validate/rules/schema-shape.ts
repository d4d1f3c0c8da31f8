import { loadingRule } from "../rule.ts";

export const schemaShape = loadingRule({
	id: "schema.shape",
	group: "document",
	severity: "error",
	summary: "a field does not have the form that the format asks for",
	docs: {
		why: "A field of the wrong form cannot be read, so the eval does not mean what its author meant.",
		bad: `threshold: high`,
		good: `threshold: 0.9`,
		mend: "Give the field the form that the message names.",
	},
});
