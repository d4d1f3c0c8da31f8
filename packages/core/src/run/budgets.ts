import type { PlannedCase, RunPlan } from "./run-plan.ts";

/** The part of a budget that a shard may spend: as large as its part of the tests. */
export interface ShardBudget {
	/** The eval whose `budget_usd` it is; absent for the budget of the whole run. */
	readonly eval?: string;
	/** US dollars that this shard may spend. */
	readonly usd: number;
	/** US dollars of all shards together. */
	readonly wholeUsd: number;
	/** Tests × targets of this shard. */
	readonly tests: number;
	/** Tests × targets of all shards together. */
	readonly wholeTests: number;
}

type Budgeted = Pick<RunPlan, "request" | "evals" | "cases" | "shard">;

/** Returns what a shard may spend of each budget; empty for a run that is not a shard or has no budget. */
export function shardBudgets({ request, evals, cases, shard }: Budgeted): ShardBudget[] {
	if (!shard) return [];
	const { budgetUsd } = request;
	if (budgetUsd !== undefined) return [shareOf(budgetUsd, cases, shard.whole)];
	return evals.flatMap((one) => {
		const ofEval = (planned: PlannedCase) => planned.eval.label === one.label;
		if (one.budgetUsd === undefined) return [];
		return [{ eval: one.label, ...shareOf(one.budgetUsd, cases.filter(ofEval), shard.whole.filter(ofEval)) }];
	});
}

function shareOf(wholeUsd: number, cases: readonly PlannedCase[], whole: readonly PlannedCase[]): ShardBudget {
	const [tests, wholeTests] = [cases.length, whole.length];
	return { usd: wholeTests === 0 ? 0 : (wholeUsd * tests) / wholeTests, wholeUsd, tests, wholeTests };
}

/**
 * What a run may spend on targets and on models that grade, in US dollars: in all by the request, else on each eval by its own `budget_usd`;
 * a shard its share of that. Counts from zero when a run is resumed.
 */
export class Budgets {
	readonly #limits = new Map<string, number>();
	readonly #whole: number | undefined;
	readonly #spent = new Map<string, number>();
	readonly #silent = new Set<string>();

	constructor(plan: Budgeted) {
		const shares = shardBudgets(plan);
		const shareFor = (label?: string) => shares.find((share) => share.eval === label)?.usd;
		const { budgetUsd } = plan.request;
		this.#whole = budgetUsd === undefined ? undefined : (shareFor() ?? budgetUsd);
		if (this.#whole !== undefined) return;
		for (const { label, budgetUsd: own } of plan.evals)
			if (own !== undefined) this.#limits.set(label, shareFor(label) ?? own);
	}

	/** Counts a call of a target, the tested one's or one that judges. Answers a warning where the budget can't see what it cost. */
	add(evalLabel: string, target: string, costUsd: number | undefined): string | undefined {
		this.#spent.set(evalLabel, (this.#spent.get(evalLabel) ?? 0) + (costUsd ?? 0));
		if (costUsd !== undefined || this.#silent.has(target) || this.#limitOf(evalLabel) === undefined) return undefined;
		this.#silent.add(target);
		return `target ${JSON.stringify(target)} does not report its costs, so the budget ignores them (add \`pricing\`)`;
	}

	/** Whether no more tests of a case's eval may be started. */
	isSpent({ eval: { label } }: PlannedCase): boolean {
		const limit = this.#limitOf(label);
		if (limit === undefined) return false;
		return (this.#whole === undefined ? (this.#spent.get(label) ?? 0) : this.#total()) >= limit;
	}

	#limitOf(evalLabel: string): number | undefined {
		return this.#whole ?? this.#limits.get(evalLabel);
	}

	#total(): number {
		return [...this.#spent.values()].reduce((sum, amount) => sum + amount, 0);
	}
}
