import type { Grader } from "../contract.ts";
import { judgeVersion, scoreForm } from "../judge/judge-prompts.ts";
import { judgeScore } from "../judge/judge-score.ts";
import { judgePrompt } from "../judge/prompt-text.ts";
import { criteriaToWire, judgeRubric, readCriteria, rubricText } from "../judge/rubric.ts";

/** A language model grades by criteria, a prompt, or `rubrics`. */
export const llmGrader: Grader<"llm-grader"> = {
	types: ["llm-grader"],
	version: judgeVersion,
	reproducible: () => false,
	async grade(assertion, subject, services) {
		const { target, rubrics = [] } = assertion.settings;
		const criteria = readCriteria(rubrics);
		const prompt = await judgePrompt(assertion, subject, services, criteriaToWire(criteria));
		if ("couldNotRun" in prompt) return prompt;
		if (criteria.length === 0) return judgeScore(`${prompt.text}\n\n${scoreForm}`, target, services);
		return judgeRubric(criteria, `${prompt.text}\n\n${rubricText(criteria)}`, target, services);
	},
};
