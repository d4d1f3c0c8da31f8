import type { Grader } from "../contract.ts";
import { judgeVersion } from "../judge/judge-prompts.ts";
import { judgeScore } from "../judge/judge-score.ts";
import { judgePrompt } from "../judge/prompt-text.ts";

/** A language model judges by criteria or by the author's own prompt. */
export const llmGrader: Grader<"llm-grader"> = {
	types: ["llm-grader"],
	version: judgeVersion,
	reproducible: () => false,
	async grade(assertion, subject, services) {
		const prompt = await judgePrompt(assertion, subject, services);
		return "couldNotRun" in prompt ? prompt : judgeScore(prompt.text, assertion.settings.target, services);
	},
};
