import type { Assertion } from "../model/eval-types.ts";
import type { GradedRecord } from "../schema/attempt-file.ts";
import type { CouldNotRun, GradedAssertion, GraderResult, UngradedAssertion } from "./contract.ts";
import { barOf, verdictOf } from "./verdict.ts";

/** Returns the fields of results that identify an assertion's grader. */
export function graderName(assertion: Assertion): Pick<GraderResult, "name" | "type" | "weight" | "required"> {
	const { name, weight, required } = assertion;
	return { name, type: assertion.type === "custom" ? assertion.customType : assertion.type, weight, required };
}

export function isGraded(result: GraderResult): result is GradedAssertion {
	return result.verdict !== "not_judged";
}

/** Returns the result of a grader that could not run. */
export function ungraded(assertion: Assertion, { couldNotRun, usage, parts }: CouldNotRun): UngradedAssertion {
	return {
		...{ ...graderName(assertion), verdict: "not_judged", score: null, assertions: [], error: couldNotRun },
		...(usage ? { usage } : {}),
		...(parts ? { parts } : {}),
	};
}

/**
 * Returns a recorded result as the result of the current assertion: the recorded score, compared
 * with the current `min_score` or threshold.
 * Excludes the usage of grading, which was counted when the result was made.
 */
export function recordedResult(assertion: Assertion, record: GradedRecord, threshold: number): GraderResult {
	const { score, assertions, details, veto, stated = veto ? "fail" : undefined, error = unknownError } = record;
	const parts = record.parts?.flatMap((part, index) => {
		const inner = assertion.parts?.[index];
		return inner ? [recordedResult(inner, part, threshold)] : [];
	});
	if (score === null) return ungraded(assertion, { couldNotRun: error, ...(parts ? { parts } : {}) });
	const said = stated ? { stated } : {};
	return {
		...{ ...graderName(assertion), score, assertions, ...said },
		...verdictOf({ score, ...said }, barOf(assertion, { threshold })),
		...(details ? { details } : {}),
		...(parts ? { parts } : {}),
	};
}

const unknownError = { code: "unknown", message: "its recorded score is missing" };
