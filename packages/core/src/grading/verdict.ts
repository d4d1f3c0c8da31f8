import type { Finding, Score } from "./contract.ts";

/** Sums of fractions miss their target by some 1e-16: scores this close are equal. */
const closeEnough = 1e-9;

export function reaches(score: number, bar: number): boolean {
	return score >= bar - closeEnough;
}

/** Returns the score from which an assertion passes. */
export function barOf(assertion: { readonly minScore?: number }, subject: { readonly threshold: number }): number {
	return assertion.minScore ?? subject.threshold;
}

/** A stated failure is not outvoted by the grader's own score: that is a veto. */
export function verdictOf(
	{ score, stated }: Pick<Score, "score" | "stated">,
	bar: number,
): { readonly verdict: "pass" | "fail"; readonly veto?: true } {
	if (!reaches(score, bar)) return { verdict: "fail" };
	return stated === "fail" ? { verdict: "fail", veto: true } : { verdict: "pass" };
}

/** Returns whether two ways of adding up agree. */
export function sameScore(one: number, other: number): boolean {
	return Math.abs(one - other) <= closeEnough;
}

/** Returns 1 or 0 for one statement. */
export function binaryScore(passed: boolean, text: string, evidence?: string): Score {
	return { score: passed ? 1 : 0, assertions: [{ text, passed, ...(evidence === undefined ? {} : { evidence }) }] };
}

/** Returns the share of true statements; 0 without any. */
export function shareScore(assertions: readonly Finding[], details?: Readonly<Record<string, unknown>>): Score {
	const passed = assertions.filter((assertion) => assertion.passed).length;
	return {
		score: assertions.length === 0 ? 0 : passed / assertions.length,
		assertions,
		...(details ? { details } : {}),
	};
}

/** Returns the plain mean if all weights are 0, and 0 for an empty list. */
export function weightedMean(scores: readonly { readonly score: number; readonly weight: number }[]): number {
	if (scores.length === 0) return 0;
	const total = scores.reduce((sum, { weight }) => sum + weight, 0);
	if (total === 0) return scores.reduce((sum, { score }) => sum + score, 0) / scores.length;
	return scores.reduce((sum, { score, weight }) => sum + score * weight, 0) / total;
}
