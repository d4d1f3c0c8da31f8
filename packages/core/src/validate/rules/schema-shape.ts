import { loadingRule } from "../rule.ts";

export const schemaShape = loadingRule({
	id: "schema.shape",
	group: "document",
	severity: "error",
	summary: "a field has the wrong type or shape",
	docs: {
		why: "A field of the wrong shape is ignored, so the eval does not mean what its author intended.",
		bad: `threshold: high`,
		good: `threshold: 0.9`,
		mend: "Change the field to the shape in the message.",
	},
});
