import { answerText, quoted } from "../answer-text.ts";
import type { Grader } from "../contract.ts";
import { binaryScore } from "../verdict.ts";

/** Compares the answer with the value, both trimmed: programs end their output with a newline. */
export const equals: Grader<"equals"> = {
	types: ["equals"],
	reproducible: () => true,
	grade(assertion, subject) {
		const answer = answerText(subject);
		const { value } = assertion.settings;
		const passed = answer === value || answer.trim() === value.trim();
		return binaryScore(passed, `the answer equals ${quoted(value)}`, passed ? undefined : `it is ${quoted(answer)}`);
	},
};
