import { compute, computingLimitMs } from "../../io/process/computing-process.ts";
import { answerText } from "../answer-text.ts";
import type { Finding, Grade, Grader } from "../contract.ts";
import { binaryScore } from "../verdict.ts";

/** Supports schemas of draft 7, and of 2019-09 and 2020-12 by `$schema`. */
export const isJson: Grader<"is-json"> = {
	types: ["is-json"],
	reproducible: () => true,
	async grade(assertion, subject) {
		const text = answerText(subject);
		try {
			JSON.parse(text);
		} catch (error) {
			if (!(error instanceof SyntaxError)) throw error;
			return binaryScore(false, "the answer is JSON", error.message);
		}
		const { schema } = assertion.settings;
		if (schema === undefined) return binaryScore(true, "the answer is JSON");
		return checkSchema(schema, text);
	},
};

async function checkSchema(schema: Readonly<Record<string, unknown>> | boolean, text: string): Promise<Grade> {
	const outcome = await compute({ kind: "schema", schema, text });
	if (outcome.kind === "schema") {
		const { problems } = outcome;
		if (problems.length === 0) return binaryScore(true, "the answer matches the JSON schema");
		const assertions = problems.map(
			({ instancePath, message }): Finding => ({
				text: `the answer${instancePath} matches the schema`,
				passed: false,
				...(message === undefined ? {} : { evidence: message }),
			}),
		);
		return { score: 0, assertions };
	}
	const message =
		outcome.kind === "timeout"
			? `the JSON schema took longer than ${computingLimitMs / 1000} s on this answer`
			: `the JSON schema could not be applied: ${outcome.message}`;
	return { couldNotRun: { code: outcome.kind === "timeout" ? "timeout" : "schema", message } };
}
