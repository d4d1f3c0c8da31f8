import { z } from "zod";
import { dataSchema, fullTextSchema, textSchema } from "../../format/codec.ts";
import { compute, computingLimitMs } from "../../machine/computing-process.ts";
import { binaryScore, defineGrader, type Finding, type Grade, type Score } from "../contract.ts";
import { answerText, quoted } from "../judge-prompt.ts";

const reproducible = () => true;

type Fold = (text: string) => string;
const exactly: Fold = (text) => text;
const lower: Fold = (text) => text.toLowerCase();

function containsAllOf(answer: string, values: readonly string[], fold: Fold): Score {
	const folded = fold(answer);
	const assertions = values.map((value): Finding => {
		return { text: `the answer contains ${quoted(value)}`, passed: folded.includes(fold(value)) };
	});
	return { score: assertions.every(({ passed }) => passed) ? 1 : 0, assertions };
}

function containsAnyOf(answer: string, values: readonly string[], fold: Fold): Score {
	const folded = fold(answer);
	const first = values.find((value) => folded.includes(fold(value)));
	const text = `the answer contains one of ${values.map(quoted).join(", ")}`;
	return binaryScore(first !== undefined, text, first === undefined ? undefined : `contains ${quoted(first)}`);
}

/** The empty text is not allowed, because every answer contains it. */
function oneText<const Type extends string>(type: Type, score: string, fold: Fold) {
	return defineGrader({
		...{ type, score, reproducible, options: { value: fullTextSchema } },
		grade: ({ settings }, subject) => containsAllOf(answerText(subject), [settings.value], fold),
	});
}

function severalTexts<const Type extends string>(type: Type, score: string, fold: Fold, contain: typeof containsAllOf) {
	return defineGrader({
		...{ type, score, reproducible, options: { value: z.array(fullTextSchema).min(1) } },
		grade: ({ settings }, subject) => contain(answerText(subject), settings.value, fold),
	});
}

const anyCase = "in any letter case";
export const contains = oneText("contains", "1 or 0", exactly);
export const icontains = oneText("icontains", `1 or 0, ${anyCase}`, lower);
export const containsAny = severalTexts("contains-any", "1 or 0; `value` is a list", exactly, containsAnyOf);
export const containsAll = severalTexts("contains-all", "1 or 0; `value` is a list", exactly, containsAllOf);
export const icontainsAny = severalTexts("icontains-any", `like \`contains-any\`, ${anyCase}`, lower, containsAnyOf);
export const icontainsAll = severalTexts("icontains-all", `like \`contains-all\`, ${anyCase}`, lower, containsAllOf);

/** Both are trimmed, since programs end their output with a newline. */
export const equals = defineGrader({
	type: "equals",
	score: "1 or 0, ignoring surrounding whitespace",
	options: { value: textSchema },
	reproducible,
	grade({ settings: { value } }, subject) {
		const answer = answerText(subject);
		const passed = answer === value || answer.trim() === value.trim();
		return binaryScore(passed, `the answer equals ${quoted(value)}`, passed ? undefined : `it is ${quoted(answer)}`);
	},
});

function edge<const Type extends string>(
	type: Type,
	verb: string,
	holds: (answer: string, value: string) => boolean,
	shown: (answer: string, length: number) => string,
) {
	return defineGrader({
		...{ type, score: "1 or 0", reproducible, options: { value: fullTextSchema } },
		grade({ settings: { value } }, subject) {
			const answer = answerText(subject);
			const passed = holds(answer, value) || holds(answer.trim(), value);
			const evidence = passed ? undefined : `it ${verb} with ${quoted(shown(answer, value.length + 20))}`;
			return binaryScore(passed, `the answer ${verb} with ${quoted(value)}`, evidence);
		},
	});
}

export const startsWith = edge(
	"starts-with",
	"starts",
	(answer, value) => answer.startsWith(value),
	(answer, length) => answer.slice(0, length),
);
export const endsWith = edge(
	"ends-with",
	"ends",
	(answer, value) => answer.endsWith(value),
	(answer, length) => answer.slice(-length),
);

/** The expression runs in a separate process for at most 2 seconds. */
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

/** Supports draft 7 by default, and 2019-09 and 2020-12 by `$schema`. */
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
