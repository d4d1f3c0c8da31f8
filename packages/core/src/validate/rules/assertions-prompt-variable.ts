import { loadingRule } from "../rule.ts";

export const assertionsPromptVariable = loadingRule({
	id: "assertions.prompt-variable",
	group: "assertions",
	severity: "error",
	summary: "a judge's prompt with an unknown variable, or with variables of which none holds the answer",
	docs: {
		why: "The judge would score an answer that it never sees.",
		bad: `assertions:
  - type: llm-grader
    prompt: "Does it meet {{ critera }}? {{ output }}"`,
		good: `assertions:
  - type: llm-grader
    prompt: "Does it meet {{ criteria }}? {{ output }}"`,
		mend: "Correct the name, and use a variable that holds the answer; an aggregator's prompt needs `{{ grader_results_json }}`. Without any variable a prompt is an instruction that the material follows.",
	},
});
