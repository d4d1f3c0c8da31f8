import { type AttemptResult, type CaseResult, caseResult, isDecided } from "../grading/case-result.ts";
import type { ResultRow } from "../schema/result-row.ts";
import { caseKey, keyOfCase, type PlannedCase } from "./run-plan.ts";

/** How far a case is. */
export class CaseState {
	readonly one: PlannedCase;
	readonly #attempts = new Map<number, AttemptResult>();
	/** Attempts that were started and have not ended. */
	running = 0;
	result: CaseResult | undefined;

	constructor(one: PlannedCase) {
		this.one = one;
	}

	add({ attempt, score, executionStatus }: AttemptResult): void {
		this.#attempts.set(attempt, { attempt, score, executionStatus });
	}

	/** Settles the result where nothing more has to be run. Says whether it did so just now. */
	settle(): boolean {
		const attempts = [...this.#attempts.values()];
		if (this.result || this.running > 0 || !isDecided(attempts, this.one.repeat)) return false;
		this.result = caseResult(attempts, this.one.repeat, this.one.threshold);
		return true;
	}

	/** Ends the case after one attempt, whatever the repeat says: it was skipped. */
	settleNow(): void {
		this.result = caseResult([...this.#attempts.values()], this.one.repeat, this.one.threshold);
	}

	/** Attempts that can be started now: all that are missing, or with `early_exit` the next one. */
	nextAttempts(): number[] {
		const missing: number[] = [];
		for (let attempt = 1; attempt <= this.one.repeat.count; attempt++)
			if (!this.#attempts.has(attempt)) missing.push(attempt);
		return this.one.repeat.earlyExit ? missing.slice(0, 1) : missing;
	}
}

/** The states of all cases of a plan, with what an earlier run has already finished. */
export function caseStates(cases: readonly PlannedCase[], before: readonly ResultRow[]): CaseState[] {
	const states = cases.map((one) => new CaseState(one));
	if (before.length === 0) return states;
	const byKey = new Map(states.map((state) => [keyOfCase(state.one), state]));
	for (const row of before) byKey.get(caseKey(row.eval, row.testId, row.target))?.add(row);
	for (const state of states) state.settle();
	return states;
}
