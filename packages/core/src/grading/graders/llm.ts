import { z } from "zod";
import { commandSchema, dataSchema, strictWireObject, unsupported } from "../../format/codec.ts";
import { rubricCriterionSchema } from "../../format/eval-file.ts";
import { defineGrader } from "../contract.ts";
import { criteriaToWire, judgeRubric, judgeScore, readCriteria, rubricText } from "../judge.ts";
import { fillPrompt, judgePrompt, judgeVersion, rubricsPrompt, scoreForm } from "../judge-prompt.ts";

/** The score is the satisfied weight over the total. */
export const rubrics = defineGrader({
	type: "rubrics",
	aliases: ["rubric"],
	score: "weight of satisfied criteria, over all",
	options: { criteria: z.array(rubricCriterionSchema).min(1), target: z.string().optional() },
	model: ({ target }) => ({ target, path: ["target"] }),
	version: judgeVersion,
	reproducible: () => false,
	async grade({ settings }, subject, services) {
		const criteria = readCriteria(settings.criteria);
		const prompt = `${await fillPrompt(rubricsPrompt, subject)}\n\n${rubricText(criteria)}`;
		return judgeRubric(criteria, prompt, settings.target, services);
	},
});

export const llmGrader = defineGrader({
	type: "llm-grader",
	aliases: ["llm-judge"],
	score: "the model's 0 to 1; `config` is for a prompt program",
	options: {
		prompt: z
			.union([
				z.string(),
				strictWireObject({ command: commandSchema, config: dataSchema.optional(), cwd: z.string().optional() }),
			])
			.optional(),
		target: z.string().optional(),
		rubrics: z.array(rubricCriterionSchema).min(1).optional(),
		model: unsupported(z.string(), { hint: "set `target` to a target of that model" }),
		config: dataSchema.optional(),
		preprocessors: unsupported(z.array(z.unknown()), { hint: "define `preprocessors` in the eval" }),
	},
	holds: "prompt",
	model: ({ target }) => ({ target, path: ["target"] }),
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
});
