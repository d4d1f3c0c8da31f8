import type { Repeat } from "../model/eval-types.ts";
import type { ResultRow } from "../schema/result-row.ts";
import { reaches } from "./verdict.ts";

/** A test against a target, its attempts combined by the repeat's strategy. */
export interface CaseResult {
	readonly status: "passed" | "failed" | "error";
	/** Undefined if nothing was graded. */
	readonly score: number | undefined;
	/**
	 * The contribution to the lower bound of means: the score with 0 for each attempt that the agent
	 * kept from being graded. Undefined if the test was not graded only for other reasons.
	 */
	readonly lowest: number | undefined;
	readonly attempts: number;
}

/** Fields of an attempt that determine the result of its case. */
export type AttemptResult = Pick<ResultRow, "attempt" | "score" | "executionStatus" | "error">;

/** An attempt that was not graded makes the case an error, unless another decides it. */
export function caseResult(attempts: readonly AttemptResult[], repeat: Repeat, threshold: number): CaseResult {
	const judged = attempts.filter(({ executionStatus }) => executionStatus !== "execution_error");
	// Attempts end in any order, and the sum of their scores must be bit-identical.
	const scores = judged.map(({ score }) => score).sort((one, other) => one - other);
	const broken = judged.length < attempts.length || attempts.length === 0;
	const of = (status: CaseResult["status"], score: number | undefined): CaseResult => {
		return { status, score, lowest: lowestScore(attempts, status, score, repeat), attempts: attempts.length };
	};
	if (scores.length === 0) return of("error", undefined);
	const passed = judged.filter(({ executionStatus }) => executionStatus === "ok");
	switch (repeat.strategy) {
		case "pass_any":
			if (passed.length > 0) return of("passed", Math.max(...scores));
			return of(broken ? "error" : "failed", Math.max(...scores));
		case "pass_all":
			if (passed.length < judged.length) return of("failed", Math.min(...scores));
			return of(broken ? "error" : "passed", Math.min(...scores));
		default: {
			const mean = meanOf(scores);
			// A vetoed attempt counts 0: its passing score must not outvote the veto.
			const counted = judged.map((attempt) => (isVetoed(attempt, threshold) ? 0 : attempt.score)).sort((a, b) => a - b);
			const passes = passed.length > 0 && reaches(meanOf(counted), threshold);
			return of(broken ? "error" : passes ? "passed" : "failed", mean);
		}
	}
}

function lowestScore(
	attempts: readonly AttemptResult[],
	status: CaseResult["status"],
	score: number | undefined,
	{ strategy }: Repeat,
): number | undefined {
	const unjudged = attempts.filter(({ executionStatus }) => executionStatus === "execution_error");
	const broken = unjudged.filter(isBrokenByAgent);
	if (broken.length === 0) return status === "error" ? undefined : score;
	// Attempts that others broke would exclude the test: based on the rest, breaking one more could
	// raise a mean.
	if (status === "error" && broken.length < unjudged.length) return 0;
	const judged = attempts.filter(({ executionStatus }) => executionStatus !== "execution_error");
	const scores = judged.map(({ score: own }) => own).sort((one, other) => one - other);
	if (strategy === "pass_any") return Math.max(0, ...scores);
	if (strategy === "pass_all") return 0;
	return meanOf([...broken.map(() => 0), ...scores]);
}

/** Returns whether the tested agent kept an attempt from being graded. */
export function isBrokenByAgent({ executionStatus, error }: Pick<AttemptResult, "executionStatus" | "error">): boolean {
	return executionStatus === "execution_error" && error?.causedBy === "agent";
}

function isVetoed({ executionStatus, score }: AttemptResult, threshold: number): boolean {
	return executionStatus === "quality_failure" && reaches(score, threshold);
}

function meanOf(scores: readonly number[]): number {
	return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** Returns whether more attempts can't change the result. */
export function isDecided(attempts: readonly AttemptResult[], repeat: Repeat): boolean {
	if (attempts.length >= repeat.count || attempts.some(({ error }) => error?.stage === "dependency")) return true;
	if (!repeat.earlyExit) return false;
	if (repeat.strategy === "pass_any") return attempts.some(({ executionStatus }) => executionStatus === "ok");
	if (repeat.strategy === "pass_all")
		return attempts.some(({ executionStatus }) => executionStatus === "quality_failure");
	return false;
}

/** Returns those of `count` attempts that were not made. */
export function missingAttempts(made: ReadonlySet<number>, count: number): number[] {
	const missing: number[] = [];
	for (let attempt = 1; attempt <= count; attempt++) if (!made.has(attempt)) missing.push(attempt);
	return missing;
}
