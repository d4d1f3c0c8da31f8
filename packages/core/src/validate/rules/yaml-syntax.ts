import { loadingRule } from "../rule.ts";

export const yamlSyntax = loadingRule({
	id: "yaml.syntax",
	group: "document",
	severity: "error",
	summary: "the file is not valid YAML, JSON or JSON Lines",
	docs: {
		why: "A file that does not parse contains no tests; everything after the invalid line is lost.",
		bad: `tests:
  - id: "one`,
		good: `tests:
  - id: "one"`,
		mend: "Fix the text at the marked position. In a JSONL file each line is one complete JSON value.",
	},
});
