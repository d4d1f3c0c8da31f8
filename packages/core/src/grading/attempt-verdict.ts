import type { ExecutionStatus } from "../schema/result-row.ts";
import type { GradedAssertion } from "./contract.ts";
import { reaches } from "./verdict.ts";

/** How the turns of a conversation count together. */
export type TurnAggregation = "mean" | "min" | "max";

/** What a conversation came to. */
export interface TurnScores {
	/** Of the turns that have graders of their own, as far as they were held. */
	readonly scores: readonly number[];
	/** Turns with graders that a failed one before them kept from being held: they count as failed. */
	readonly unheld: number;
	readonly aggregation: TurnAggregation;
}

/**
 * The score that an attempt's graders give it together.
 * @param whole of the graders that judge the whole answer; absent where there are none
 */
export function attemptScore(turns: TurnScores | undefined, whole: number | undefined): number {
	if (!turns || (turns.scores.length === 0 && whole !== undefined)) return whole ?? 0;
	const score = aggregate([...turns.scores, ...new Array<number>(turns.unheld).fill(0)], turns.aggregation);
	// All turns together weigh as much as the graders of the whole conversation.
	return whole === undefined ? score : (score + whole) / 2;
}

/** Whether an attempt that was judged passes; a required grader that fails, of whatever turn, leaves it without a score. */
export function attemptVerdict(
	score: number,
	threshold: number,
	graded: readonly GradedAssertion[],
): { readonly score: number; readonly status: Exclude<ExecutionStatus, "execution_error"> } {
	const requiredFailed = graded.some(({ required, verdict }) => required && verdict === "fail");
	if (requiredFailed) return { score: 0, status: "quality_failure" };
	return { score, status: reaches(score, threshold) ? "ok" : "quality_failure" };
}

function aggregate(scores: readonly number[], how: TurnAggregation): number {
	if (scores.length === 0) return 0;
	if (how === "min") return Math.min(...scores);
	if (how === "max") return Math.max(...scores);
	return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}
