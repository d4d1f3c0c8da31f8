import { loadingRule } from "../rule.ts";

export const schemaUnsupported = loadingRule({
	id: "schema.unsupported",
	group: "document",
	severity: "error",
	summary: "a field that is known and can't be honoured (a warning where it changes no result)",
	docs: {
		why: "The run would do something else than the eval says.",
		bad: `workspace:
  docker: { image: node:22 }`,
		good: `workspace:
  template: ./workspace`,
		mend: "Do what the message says instead, or remove the field.",
	},
});
