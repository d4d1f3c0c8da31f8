import type { ExecutionStatus } from "../schema/result-row.ts";
import type { GraderResult } from "./contract.ts";
import { isGraded } from "./grader-result.ts";
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

/**
 * Returns what an attempt's graders decide together. A required grader that fails leaves the attempt without a score, and a veto fails it
 * whatever its score; both decide even if other graders could not run. In all other cases an attempt is judged only if every grader gave a score.
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
