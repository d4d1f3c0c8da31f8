import type { Grader } from "../contract.ts";
import { criteriaToWire, judgeRubric, judgeScore, readCriteria, rubricText } from "../judge.ts";
import { fillPrompt, judgePrompt, judgeVersion, rubricsPrompt, scoreForm } from "../judge-prompt.ts";

/** The score is the satisfied weight over the total. */
export const rubrics: Grader<"rubrics"> = {
	types: ["rubrics"],
	version: judgeVersion,
	reproducible: () => false,
	async grade({ settings }, subject, services) {
		const criteria = readCriteria(settings.criteria);
		const prompt = `${await fillPrompt(rubricsPrompt, subject)}\n\n${rubricText(criteria)}`;
		return judgeRubric(criteria, prompt, settings.target, services);
	},
};

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
