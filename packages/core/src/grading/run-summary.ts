import { type BoundedMean, boundedMean } from "../base/bounded-mean.ts";
import { OrderFreeSum } from "../base/order-free-sum.ts";
import type { ResultRow, RowScore, RunSummary } from "../schema/result-row.ts";
import type { CaseResult } from "./case-result.ts";

class Spending {
	readonly #costsUsd = new OrderFreeSum();
	tokens: { input: number; output: number; cached: number; reasoning: number } | undefined;

	add({ tokenUsage, costUsd }: Pick<ResultRow, "tokenUsage" | "costUsd">): void {
		if (costUsd !== undefined) this.#costsUsd.add(costUsd);
		if (!tokenUsage) return;
		this.tokens ??= { input: 0, output: 0, cached: 0, reasoning: 0 };
		this.tokens.input += tokenUsage.input;
		this.tokens.output += tokenUsage.output;
		this.tokens.cached += tokenUsage.cached ?? 0;
		this.tokens.reasoning += tokenUsage.reasoning ?? 0;
	}

	/** Undefined if no cost was reported. */
	get costUsd(): number | undefined {
		return this.#costsUsd.count === 0 ? undefined : this.#costsUsd.total;
	}
}

/** A row's tokens and cost: the target's, and those of models that grade. */
export interface SpendingRow extends Pick<ResultRow, "tokenUsage" | "costUsd"> {
	readonly scores: readonly Pick<RowScore, "usage">[];
}

/** Adds up a run, independent of the order in which tests end. */
export class SummaryBuilder {
	readonly #planned: number;
	#passed = 0;
	#failed = 0;
	#errors = 0;
	#errorsByAgent = 0;
	readonly #scores = new OrderFreeSum();
	readonly #lowest = new OrderFreeSum();
	#durationMs = 0;
	readonly #targets = new Spending();
	readonly #graders = new Spending();

	constructor(planned: number) {
		this.#planned = planned;
	}

	addCase({ status, score, lowest }: Omit<CaseResult, "attempts">): void {
		if (status === "passed") this.#passed += 1;
		else if (status === "failed") this.#failed += 1;
		else this.#errors += 1;
		if (status !== "error" && score !== undefined) this.#scores.add(score);
		if (lowest === undefined) return;
		this.#lowest.add(lowest);
		if (status === "error") this.#errorsByAgent += 1;
	}

	addRow(row: SpendingRow): void {
		this.#targets.add(row);
		for (const { usage } of row.scores) if (usage) this.#graders.add(usage);
	}

	addTime(durationMs: number): void {
		this.#durationMs += durationMs;
	}

	result(): RunSummary {
		const graderCostUsd = this.#graders.costUsd;
		const { mean, lowerBound } = boundedMean({
			...{ total: this.#scores.total, n: this.#scores.count, planned: this.#planned },
			...{ lowestTotal: this.#lowest.total, broken: this.#errorsByAgent },
		});
		return {
			planned: this.#planned,
			passed: this.#passed,
			failed: this.#failed,
			errors: this.#errors,
			errorsByAgent: this.#errorsByAgent,
			meanScore: mean,
			meanScoreLowerBound: lowerBound,
			durationMs: Math.round(this.#durationMs),
			tokenUsage: this.#targets.tokens ?? null,
			costUsd: this.#targets.costUsd ?? null,
			...(this.#graders.tokens ? { graderTokenUsage: this.#graders.tokens } : {}),
			...(graderCostUsd === undefined ? {} : { graderCostUsd }),
		};
	}
}

/** Counts for the means of a summary. */
type Counts = Pick<RunSummary, "planned" | "passed" | "failed" | "errorsByAgent">;

export function scoreMean(summary: Counts & Pick<RunSummary, "meanScore" | "meanScoreLowerBound">): BoundedMean {
	const { planned, passed, failed, meanScore: mean, meanScoreLowerBound: lowerBound = mean } = summary;
	return { mean, lowerBound, n: passed + failed, planned };
}

/** Returns the share of graded tests that passed, from 0 to 1. */
export function passRate({ planned, passed, failed, errorsByAgent: broken = 0 }: Counts): BoundedMean {
	return boundedMean({ total: passed, n: passed + failed, lowestTotal: passed, broken, planned });
}
