import { loadingRule } from "../rule.ts";

export const yamlSyntax = loadingRule({
	id: "yaml.syntax",
	group: "document",
	severity: "error",
	summary: "the file is no valid YAML, JSON or JSON Lines",
	docs: {
		why: "A file that does not parse holds no test; whatever follows the broken line is lost.",
		bad: `tests:
  - id: "one`,
		good: `tests:
  - id: "one"`,
		mend: "Correct the text at the marked place. In a JSONL file each line is one complete JSON value.",
	},
});
