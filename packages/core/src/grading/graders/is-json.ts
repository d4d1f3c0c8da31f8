import { runInNewContext } from "node:vm";
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

const patternLimitMs = 1000;
const mostShown = 10;

async function checkSchema(schema: Readonly<Record<string, unknown>> | boolean, value: unknown) {
	const validator = await newValidator(schema);
	try {
		const validate = validator.compile(schema);
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

async function newValidator(schema: Readonly<Record<string, unknown>> | boolean) {
	const draft = typeof schema === "object" && typeof schema.$schema === "string" ? schema.$schema : "";
	const options = { strict: false, allErrors: true, validateFormats: false, code: { regExp: limitedPattern } };
	if (draft.includes("2020-12")) return new (await import("ajv/dist/2020.js")).Ajv2020(options);
	if (draft.includes("2019-09")) return new (await import("ajv/dist/2019.js")).Ajv2019(options);
	return new (await import("ajv")).Ajv(options);
}

/** A `pattern` of a schema, which may backtrack for ever just as any other: it is cut off after a second. */
function limitedPattern(pattern: string, flags: string): { test(text: string): boolean } {
	const compiled = new RegExp(pattern, flags);
	return {
		test: (text) =>
			runInNewContext("pattern.test(text)", { pattern: compiled, text }, { timeout: patternLimitMs }) as boolean,
	};
}
limitedPattern.code = "new RegExp";
