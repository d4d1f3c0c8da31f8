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

	/** Undefined where nothing said what it cost. */
	get costUsd(): number | undefined {
		return this.#costsUsd.count === 0 ? undefined : this.#costsUsd.total;
	}
}

/** What a row says of tokens and money: the target's, and those of models that grade. */
export interface SpendingRow extends Pick<ResultRow, "tokenUsage" | "costUsd"> {
	readonly scores: readonly Pick<RowScore, "usage">[];
}

/** Adds up a run. What comes of it does not depend on the order in which tests ended. */
export class SummaryBuilder {
	readonly #planned: number;
	#passed = 0;
	#failed = 0;
	#errors = 0;
	readonly #scores = new OrderFreeSum();
	#durationMs = 0;
	readonly #targets = new Spending();
	readonly #graders = new Spending();

	constructor(planned: number) {
		this.#planned = planned;
	}

	addCase({ status, score }: CaseResult): void {
		if (status === "passed") this.#passed += 1;
		else if (status === "failed") this.#failed += 1;
		else this.#errors += 1;
		if (status !== "error" && score !== undefined) this.#scores.add(score);
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
		return {
			planned: this.#planned,
			passed: this.#passed,
			failed: this.#failed,
			errors: this.#errors,
			meanScore: this.#scores.count === 0 ? null : this.#scores.total / this.#scores.count,
			durationMs: Math.round(this.#durationMs),
			tokenUsage: this.#targets.tokens ?? null,
			costUsd: this.#targets.costUsd ?? null,
			...(this.#graders.tokens ? { graderTokenUsage: this.#graders.tokens } : {}),
			...(graderCostUsd === undefined ? {} : { graderCostUsd }),
		};
	}
}
