import type { Redactor } from "../base/redact.ts";
import { type AttemptResult, type CaseResult, caseResult, isDecided, missingAttempts } from "../grading/case-result.ts";
import { caseKey } from "../model/case-key.ts";
import type { ResultRow } from "../schema/result-row.ts";
import { type PlannedCase, type RunPlan, recordedKey } from "./run-plan.ts";

/** How far a case is. */
export class CaseState {
	readonly one: PlannedCase;
	readonly #attempts = new Map<number, AttemptResult>();
	/** Judged attempts that are run again because what they are made of changed. */
	readonly reruns = new Set<number>();
	/** Attempts that were started and have not ended. */
	running = 0;
	result: CaseResult | undefined;

	constructor(one: PlannedCase) {
		this.one = one;
	}

	add(result: AttemptResult): void {
		const { attempt, score, executionStatus, error } = result;
		this.#attempts.set(attempt, { attempt, score, executionStatus, ...(error ? { error } : {}) });
	}

	/** Settles the result where nothing more has to be run. Says whether it did so just now. */
	settle(): boolean {
		const attempts = [...this.#attempts.values()];
		if (this.result || this.running > 0 || !isDecided(attempts, this.one.repeat)) return false;
		this.result = caseResult(attempts, this.one.repeat, this.one.threshold);
		return true;
	}

	/** Attempts that were not made. */
	get missing(): number[] {
		return missingAttempts(new Set(this.#attempts.keys()), this.one.repeat.count);
	}

	/** Attempts that can be started now: all that are missing, or with `early_exit` the next one. */
	nextAttempts(): number[] {
		return this.one.repeat.earlyExit ? this.missing.slice(0, 1) : this.missing;
	}
}

/** The states of all cases of a plan, with what an earlier run has already finished. */
export function caseStates(
	{ cases, redact }: Pick<RunPlan, "cases" | "redact">,
	before: readonly ResultRow[],
): CaseState[] {
	const states = cases.map((one) => new CaseState(one));
	addRows(states, before, redact);
	return states;
}

/** Adds what is known of some attempts: rows name their test without the secrets that its id may hold. */
export function addRows(states: readonly CaseState[], rows: readonly ResultRow[], redact: Redactor): void {
	if (rows.length === 0) return;
	const byKey = new Map(states.map((state) => [recordedKey(state.one, redact), state]));
	for (const row of rows) byKey.get(caseKey(row.eval, row.testId, row.target))?.add(row);
	for (const state of states) state.settle();
}
