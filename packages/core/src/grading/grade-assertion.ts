import { AgentvError } from "../base/agentv-error.ts";
import type { Assertion } from "../model/eval-types.ts";
import type { Grade, GradedAssertion, GraderResult, GraderServices, Score, Subject } from "./contract.ts";
import { graderName, ungraded } from "./grader-result.ts";
import { graders } from "./graders/index.ts";
import { barOf, verdictOf, weightedMean } from "./verdict.ts";

export type GradingServices = Omit<GraderServices, "gradePart">;

/**
 * Grades one assertion: runs its grader, then applies `negate`, `min_score` and the test's
 * threshold. Never rejects.
 * @param gradePart grades the parts of a composite; by default like any other assertion
 */
export async function gradeAssertion(
	assertion: Assertion,
	subject: Subject,
	services: GradingServices,
	gradePart: GraderServices["gradePart"] = (part, of) => gradeAssertion(part, of, services),
): Promise<GraderResult> {
	const grade = await rawGrade(assertion, subject, { ...services, gradePart });
	if ("couldNotRun" in grade) return ungraded(assertion, grade);
	const score = assertion.negate ? negated(grade) : grade;
	return { ...score, ...graderName(assertion), ...verdictOf(score, barOf(assertion, subject)) };
}

async function rawGrade(assertion: Assertion, subject: Subject, services: GraderServices): Promise<Grade> {
	const grader = graders.get(assertion.type);
	if (!grader)
		return { couldNotRun: { code: "not-available", message: `the grader ${assertion.type} is not available` } };
	try {
		return await grader.grade(assertion, subject, services);
	} catch (error) {
		// A crashing grader is never a low score: the test was not graded.
		const reason = error instanceof Error ? error.message : String(error);
		const code = error instanceof AgentvError ? error.code : "crashed";
		return { couldNotRun: { code, message: `the grader ${assertion.name} failed: ${reason}` } };
	}
}

function negated(score: Score): Score {
	const { stated } = score;
	return {
		...score,
		...(stated ? { stated: stated === "pass" ? "fail" : "pass" } : {}),
		score: 1 - score.score,
		assertions: score.assertions.map((finding) => ({
			...finding,
			text: `not: ${finding.text}`,
			passed: !finding.passed,
		})),
	};
}

/** Returns the weighted mean of the graders' scores, or 0 if a required one fails. */
export function combineScores(graded: readonly GradedAssertion[]): number {
	if (graded.some(({ required, verdict }) => required && verdict === "fail")) return 0;
	return weightedMean(graded);
}
