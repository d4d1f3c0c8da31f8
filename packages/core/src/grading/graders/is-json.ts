import { compileJsonSchema } from "../../model/json-schema-check.ts";
import { answerText } from "../answer-text.ts";
import type { CouldNotRun, Finding, Grader } from "../contract.ts";
import { binaryScore } from "../verdict.ts";

/** The answer is JSON, of the given schema if there is one (draft 7, or 2020-12 and 2019-09 by their `$schema`). */
export const isJson: Grader<"is-json"> = {
	types: ["is-json"],
	reproducible: () => true,
	async grade(assertion, subject) {
		let value: unknown;
		try {
			value = JSON.parse(answerText(subject));
		} catch (error) {
			if (!(error instanceof SyntaxError)) throw error;
			return binaryScore(false, "the answer is JSON", error.message);
		}
		const { schema } = assertion.settings;
		if (schema === undefined) return binaryScore(true, "the answer is JSON");
		return checkSchema(schema, value);
	},
};

const mostShown = 10;

async function checkSchema(schema: Readonly<Record<string, unknown>> | boolean, value: unknown) {
	try {
		const validate = await compileJsonSchema(schema);
		if (validate(value)) return binaryScore(true, "the answer is JSON of the schema");
		const errors = (validate.errors ?? []).slice(0, mostShown);
		const assertions = errors.map(
			(error): Finding => ({
				text: `the answer${error.instancePath} fits the schema`,
				passed: false,
				...(error.message === undefined ? {} : { evidence: error.message }),
			}),
		);
		return { score: 0, assertions };
	} catch (error) {
		const reason = error instanceof Error ? error.message : String(error);
		return {
			couldNotRun: { code: "schema", message: `the JSON schema could not be applied: ${reason}` },
		} satisfies CouldNotRun;
	}
}
