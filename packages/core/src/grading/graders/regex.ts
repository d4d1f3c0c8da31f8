import { compute, computingLimitMs } from "../../io/process/computing-process.ts";
import { answerText, quoted } from "../answer-text.ts";
import type { Grader } from "../contract.ts";
import { binaryScore } from "../verdict.ts";

/** Matches the answer with a regular expression, in a separate process for at most 2 seconds. */
export const regex: Grader<"regex"> = {
	types: ["regex"],
	reproducible: () => true,
	async grade(assertion, subject) {
		const { value, flags = "" } = assertion.settings;
		const outcome = await compute({ kind: "match", pattern: value, flags, text: answerText(subject) });
		const text = `the answer matches /${value}/${flags}`;
		if (outcome.kind === "match")
			return outcome.found === undefined
				? binaryScore(false, text)
				: binaryScore(true, text, `matched ${quoted(outcome.found)}`);
		const message =
			outcome.kind === "timeout"
				? `the regular expression /${value}/ took longer than ${computingLimitMs / 1000} s on this answer`
				: `the regular expression /${value}/ could not be evaluated: ${outcome.message}`;
		return { couldNotRun: { code: outcome.kind === "timeout" ? "timeout" : "regex", message } };
	},
};
