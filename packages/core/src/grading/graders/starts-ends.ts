import { answerText, quoted } from "../answer-text.ts";
import type { Grader } from "../contract.ts";
import { binaryScore } from "../verdict.ts";

/** Compares the start or end of the trimmed answer with the value. */
export const startsEnds: Grader<"starts-with" | "ends-with"> = {
	types: ["starts-with", "ends-with"],
	reproducible: () => true,
	grade(assertion, subject) {
		const answer = answerText(subject);
		const { value } = assertion.settings;
		const starts = assertion.type === "starts-with";
		const holds = (text: string) => (starts ? text.startsWith(value) : text.endsWith(value));
		const passed = holds(answer) || holds(answer.trim());
		const shown = starts ? answer.slice(0, value.length + 20) : answer.slice(-(value.length + 20));
		return binaryScore(
			passed,
			`the answer ${starts ? "starts" : "ends"} with ${quoted(value)}`,
			passed ? undefined : `it ${starts ? "starts" : "ends"} with ${quoted(shown)}`,
		);
	},
};
