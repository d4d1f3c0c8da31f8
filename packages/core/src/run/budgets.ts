import type { PlannedCase, RunPlan } from "./run-plan.ts";

/** What a run may spend, in US dollars: in all by the request, else on each eval by its own `budget_usd`. Counts from zero when a run is resumed. */
export class Budgets {
	readonly #limits = new Map<string, number>();
	readonly #whole: number | undefined;
	readonly #spent = new Map<string, number>();
	readonly #silent = new Set<string>();

	constructor({ request, evals }: Pick<RunPlan, "request" | "evals">) {
		this.#whole = request.budgetUsd;
		for (const { label, budgetUsd } of evals)
			if (budgetUsd !== undefined && this.#whole === undefined) this.#limits.set(label, budgetUsd);
	}

	/** Counts a call of a target, the tested one's or one that judges. Answers a warning where the budget can't see what it cost. */
	add(evalLabel: string, target: string, costUsd: number | undefined): string | undefined {
		this.#spent.set(evalLabel, (this.#spent.get(evalLabel) ?? 0) + (costUsd ?? 0));
		if (costUsd !== undefined || this.#silent.has(target) || this.#limitOf(evalLabel) === undefined) return undefined;
		this.#silent.add(target);
		return `target ${JSON.stringify(target)} does not say what its answers cost: the budget does not see them (give it \`pricing\`)`;
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
