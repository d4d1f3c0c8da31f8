import type { Grader } from "../contract.ts";
import { fillPrompt } from "../judge/fill-prompt.ts";
import { judgeVersion, rubricsPrompt } from "../judge/judge-prompts.ts";
import { judgeRubric, readCriteria, rubricText } from "../judge/rubric.ts";

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
