import { z } from "zod";
import { dataSchema, fullTextSchema, textSchema } from "../../format/codec.ts";
import { compute, computingLimitMs } from "../../machine/computing-process.ts";
import { binaryScore, type Finding, type Grade, type Score } from "../contract.ts";
import { defineGrader } from "../grader.ts";
import { answerText, quoted } from "../judge-prompt.ts";

const reproducible = () => true;

/** Every answer contains the empty text, so it can't be searched for. */
const oneText = { value: fullTextSchema };
const texts = { value: z.array(fullTextSchema).min(1) };

type Fold = (text: string) => string;
const exactly: Fold = (text) => text;
const lower: Fold = (text) => text.toLowerCase();

function allOf(answer: string, values: readonly string[], fold: Fold): Score {
	const folded = fold(answer);
	const assertions = values.map((value): Finding => {
		return { text: `the answer contains ${quoted(value)}`, passed: folded.includes(fold(value)) };
	});
	return { score: assertions.every(({ passed }) => passed) ? 1 : 0, assertions };
}

function anyOf(answer: string, values: readonly string[], fold: Fold): Score {
	const folded = fold(answer);
	const first = values.find((value) => folded.includes(fold(value)));
	const text = `the answer contains one of ${values.map(quoted).join(", ")}`;
	return binaryScore(first !== undefined, text, first === undefined ? undefined : `contains ${quoted(first)}`);
}

export const contains = defineGrader({
	type: "contains",
	score: "1 or 0",
	options: oneText,
	reproducible,
	grade: ({ settings: { value } }, subject) => allOf(answerText(subject), [value], exactly),
});

export const icontains = defineGrader({
	type: "icontains",
	score: "1 or 0, in any letter case",
	options: oneText,
	reproducible,
	grade: ({ settings: { value } }, subject) => allOf(answerText(subject), [value], lower),
});

export const containsAny = defineGrader({
	type: "contains-any",
	score: "1 or 0; `value` is a list",
	options: texts,
	reproducible,
	grade: ({ settings: { value } }, subject) => anyOf(answerText(subject), value, exactly),
});

export const containsAll = defineGrader({
	type: "contains-all",
	score: "1 or 0; `value` is a list",
	options: texts,
	reproducible,
	grade: ({ settings: { value } }, subject) => allOf(answerText(subject), value, exactly),
});

export const icontainsAny = defineGrader({
	type: "icontains-any",
	score: "like `contains-any`, in any letter case",
	options: texts,
	reproducible,
	grade: ({ settings: { value } }, subject) => anyOf(answerText(subject), value, lower),
});

export const icontainsAll = defineGrader({
	type: "icontains-all",
	score: "like `contains-all`, in any letter case",
	options: texts,
	reproducible,
	grade: ({ settings: { value } }, subject) => allOf(answerText(subject), value, lower),
});

/** Compares the answer with the value, both trimmed: programs end their output with a newline. */
export const equals = defineGrader({
	type: "equals",
	score: "1 or 0, ignoring surrounding whitespace",
	/** The empty text is a valid expectation. */
	options: { value: textSchema },
	reproducible,
	grade({ settings: { value } }, subject) {
		const answer = answerText(subject);
		const passed = answer === value || answer.trim() === value.trim();
		return binaryScore(passed, `the answer equals ${quoted(value)}`, passed ? undefined : `it is ${quoted(answer)}`);
	},
});

export const startsWith = defineGrader({
	type: "starts-with",
	score: "1 or 0",
	options: oneText,
	reproducible,
	grade({ settings: { value } }, subject) {
		const answer = answerText(subject);
		const passed = answer.startsWith(value) || answer.trim().startsWith(value);
		const evidence = passed ? undefined : `it starts with ${quoted(answer.slice(0, value.length + 20))}`;
		return binaryScore(passed, `the answer starts with ${quoted(value)}`, evidence);
	},
});

export const endsWith = defineGrader({
	type: "ends-with",
	score: "1 or 0",
	options: oneText,
	reproducible,
	grade({ settings: { value } }, subject) {
		const answer = answerText(subject);
		const passed = answer.endsWith(value) || answer.trim().endsWith(value);
		const evidence = passed ? undefined : `it ends with ${quoted(answer.slice(-(value.length + 20)))}`;
		return binaryScore(passed, `the answer ends with ${quoted(value)}`, evidence);
	},
});

/** Matches the answer with a regular expression, in a separate process for at most 2 seconds. */
export const regex = defineGrader({
	type: "regex",
	score: "1 or 0; over 2 seconds: an execution error",
	options: { value: fullTextSchema, flags: z.string().optional() },
	reproducible,
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
});

/** Supports schemas of draft 7, and of 2019-09 and 2020-12 by `$schema`. */
export const isJson = defineGrader({
	type: "is-json",
	score: "1 or 0; JSON Schema draft 7, or 2019-09 and 2020-12 by `$schema`; over 2 seconds: an execution error",
	options: { schema: z.union([dataSchema, z.boolean()]).optional() },
	reproducible,
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
});

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
