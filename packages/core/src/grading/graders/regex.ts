import { RegexThread } from "../../io/regex-thread.ts";
import { answerText, quoted } from "../answer-text.ts";
import type { Grader } from "../contract.ts";
import { binaryScore } from "../verdict.ts";

const timeLimitMs = 2000;
/** One for the process: it does not keep the process alive. */
const thread = new RegexThread();

/** The answer matches a regular expression, tried in a thread of its own within 2 seconds. */
export const regex: Grader<"regex"> = {
	types: ["regex"],
	reproducible: () => true,
	async grade(assertion, subject) {
		const { value, flags = "" } = assertion.settings;
		const outcome = await thread.find(value, flags, answerText(subject), timeLimitMs);
		const text = `the answer matches /${value}/${flags}`;
		if (outcome.kind === "match") return binaryScore(true, text, `matched ${quoted(outcome.text)}`);
		if (outcome.kind === "no-match") return binaryScore(false, text);
		const message =
			outcome.kind === "timeout"
				? `the regular expression /${value}/ took longer than ${timeLimitMs / 1000} s on this answer`
				: `the regular expression /${value}/ could not be tried: ${outcome.message}`;
		return { couldNotRun: { code: outcome.kind === "timeout" ? "timeout" : "regex", message } };
	},
};
