import { loadingRule } from "../rule.ts";

export const assertionsPromptVariable = loadingRule({
	id: "assertions.prompt-variable",
	group: "assertions",
	severity: "error",
	summary: "a grader prompt with an unknown variable, or with variables that don't include the answer",
	docs: {
		why: "The grader model would score an answer that it never sees.",
		bad: `assertions:
  - type: llm-grader
    prompt: "Does it meet {{ critera }}? {{ output }}"`,
		good: `assertions:
  - type: llm-grader
    prompt: "Does it meet {{ criteria }}? {{ output }}"`,
		mend: "Fix the name, and use a variable that contains the answer; an aggregator's prompt needs `{{ grader_results_json }}`. A prompt without variables is an instruction, and the material is appended to it.",
	},
});
