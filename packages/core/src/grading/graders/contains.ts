import { answerText, quoted } from "../answer-text.ts";
import type { AssertionOf, Finding, Grader, Subject } from "../contract.ts";
import { binaryScore } from "../verdict.ts";

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
