import { loadingRule } from "../rule.ts";

export const schemaUnsupported = loadingRule({
	id: "schema.unsupported",
	group: "document",
	severity: "error",
	summary: "a known field that is not supported (a warning if it does not affect results)",
	docs: {
		why: "The run would not do what the eval specifies.",
		bad: `workspace:
  docker: { image: node:22 }`,
		good: `workspace:
  template: ./workspace`,
		mend: "Use the alternative in the message, or remove the field.",
	},
});
