import type { ExecutionStatus } from "../schema/result-row.ts";
import type { GraderResult } from "./contract.ts";
import { isGraded } from "./grader-result.ts";
import { reaches } from "./verdict.ts";

/** How the scores of a conversation's turns are combined. */
export type TurnAggregation = "mean" | "min" | "max";

/** The result of a conversation. */
export interface TurnScores {
	/** Scores of the turns that have their own graders, except skipped ones. */
	readonly scores: readonly number[];
	/** Turns with graders that were skipped because an earlier turn failed: they count as failed. */
	readonly unheld: number;
	readonly aggregation: TurnAggregation;
}

/**
 * Returns an attempt's score from all its graders.
 * @param whole score of the graders for the whole answer; absent if there are none
 */
export function attemptScore(turns: TurnScores | undefined, whole: number | undefined): number {
	if (!turns || (turns.scores.length === 0 && whole !== undefined)) return whole ?? 0;
	const score = aggregate([...turns.scores, ...new Array<number>(turns.unheld).fill(0)], turns.aggregation);
	// All turns together weigh as much as the graders of the whole conversation.
	return whole === undefined ? score : (score + whole) / 2;
}

/**
 * Combines the results of an attempt's graders. A failed required grader leaves the attempt without
 * a score, and a veto fails it regardless of its score; both apply even if other graders could not
 * run. Otherwise an attempt is graded only if every grader gave a score.
 */
export function attemptVerdict(
	score: number,
	threshold: number,
	results: readonly GraderResult[],
): { readonly score: number; readonly status: ExecutionStatus } {
	const graded = results.filter(isGraded);
	if (graded.some(({ required, verdict }) => required && verdict === "fail"))
		return { score: 0, status: "quality_failure" };
	if (graded.some(({ veto }) => veto)) return { score, status: "quality_failure" };
	if (graded.length < results.length) return { score: 0, status: "execution_error" };
	return { score, status: reaches(score, threshold) ? "ok" : "quality_failure" };
}

function aggregate(scores: readonly number[], how: TurnAggregation): number {
	if (scores.length === 0) return 0;
	if (how === "min") return Math.min(...scores);
	if (how === "max") return Math.max(...scores);
	return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}
