import { compute, computingLimitMs } from "../../machine/computing-process.ts";
import { type AssertionOf, binaryScore, type Finding, type Grade, type Grader, type Subject } from "../contract.ts";
import { answerText, quoted } from "../judge-prompt.ts";

type Type = "contains" | "icontains" | "contains-any" | "contains-all" | "icontains-any" | "icontains-all";

/** `contains` and its variants: `i…` ignores case, `-any` and `-all` take a list. */
export const contains: Grader<Type> = {
	types: ["contains", "icontains", "contains-any", "contains-all", "icontains-any", "icontains-all"],
	reproducible: () => true,
	grade(assertion: AssertionOf<Type>, subject: Subject) {
		const folds = assertion.type.startsWith("i");
		const fold = (text: string) => (folds ? text.toLowerCase() : text);
		const answer = fold(answerText(subject));
		const { value } = assertion.settings;
		if (typeof value === "string")
			return binaryScore(answer.includes(fold(value)), `the answer contains ${quoted(value)}`);
		const found: Finding[] = value.map((text) => ({
			text: `the answer contains ${quoted(text)}`,
			passed: answer.includes(fold(text)),
		}));
		if (assertion.type.endsWith("-all"))
			return { score: found.every(({ passed }) => passed) ? 1 : 0, assertions: found };
		const first = value.find((text) => answer.includes(fold(text)));
		return binaryScore(
			first !== undefined,
			`the answer contains one of ${value.map(quoted).join(", ")}`,
			first === undefined ? undefined : `contains ${quoted(first)}`,
		);
	},
};

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
