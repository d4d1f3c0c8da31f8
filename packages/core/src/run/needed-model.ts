import { type Assertion, type TestCase, withParts, withTurns } from "../model/eval-types.ts";
import type { PlannedCase } from "./run-plan.ts";

/** The graders of a test: its own, else the one that a language model makes of its criteria or expected output. */
export function assertionsOf(test: TestCase): readonly Assertion[] {
	const turns = test.turns.some((turn) => turn.assertions.length > 0);
	return test.assertions.length > 0 || turns ? test.assertions : [criteriaGrader(test)];
}

function criteriaGrader(test: TestCase): Assertion {
	return {
		type: "llm-grader",
		settings: { type: "llm-grader" },
		name: "criteria",
		weight: 1,
		required: false,
		negate: false,
		at: test.at,
		base: test.base,
		rest: {},
	};
}

/** Whether an assertion itself asks a language model, and which target it names for that. */
export function modelOf(assertion: Assertion): { readonly target: string | undefined } | undefined {
	if (assertion.type === "llm-grader" || assertion.type === "rubrics") return { target: assertion.settings.target };
	if (assertion.type !== "composite") return undefined;
	const { aggregator } = assertion.settings;
	return aggregator.type.startsWith("llm") ? { target: aggregator.target } : undefined;
}

/** Returns all graders of a case: those of its turns too, and the parts of composites. */
export function allGraders({ assertions, test }: Pick<PlannedCase, "assertions" | "test">): Assertion[] {
	return [...withParts(withTurns(assertions, test))];
}
