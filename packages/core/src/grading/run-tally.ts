import { readIndex } from "../model/result-files.ts";
import type { RunSummary } from "../schema/result-row.ts";
import { type CaseOutcome, type CountedRow, caseOutcomes, type PlannedRun } from "./case-outcomes.ts";
import { type SpendingRow, SummaryBuilder } from "./run-summary.ts";

/** Fields of a row that adding up needs. */
export type TalliedRow = CountedRow & SpendingRow & { readonly durationMs: number };

export interface TargetTally {
	readonly target: string;
	/** `durationMs` is the target's total time for all attempts. */
	readonly summary: RunSummary;
	/** Per test with a result, all its attempts together; undefined if no test has a result. */
	readonly meanDurationMs: number | undefined;
}

/** A summary of a run whose duration may be unknown. */
export type Tallied<Duration extends number | undefined = number | undefined> = Omit<RunSummary, "durationMs"> & {
	readonly durationMs: Duration;
};

/** Adds up the outcomes of a run, in total and per target. */
export class RunTally {
	readonly #whole: SummaryBuilder;
	readonly #targets = new Map<string, SummaryBuilder>();

	constructor({ planned }: PlannedRun) {
		this.#whole = new SummaryBuilder(planned.length);
		const sizes = new Map<string, number>();
		for (const [, , target] of planned) sizes.set(target, (sizes.get(target) ?? 0) + 1);
		for (const [target, size] of sizes) this.#targets.set(target, new SummaryBuilder(size));
	}

	add(outcome: CaseOutcome<TalliedRow>): void {
		const { status, score, lowest, attempts } = outcome;
		const own = this.#targets.get(outcome.target);
		for (const builder of own ? [this.#whole, own] : [this.#whole]) {
			for (const row of attempts) builder.addRow(row);
			if (status !== "not_run") builder.addCase({ status, score, lowest });
		}
		if (status !== "not_run") for (const { durationMs } of attempts) own?.addTime(durationMs);
	}

	/**
	 * Returns the summary of the run. @param durationMs its duration, which rows don't contain: from
	 * its last summary, if there is one
	 */
	summary<Duration extends number | undefined>(durationMs: Duration): Tallied<Duration> {
		return { ...this.#whole.result(), durationMs };
	}

	/** In planned order. */
	targets(): TargetTally[] {
		return [...this.#targets].map(([target, builder]) => {
			const summary = builder.result();
			const { planned, durationMs } = summary;
			const finished = planned - testsNotRun(summary);
			return { target, summary, meanDurationMs: finished === 0 ? undefined : durationMs / finished };
		});
	}
}

export function tallyOf(outcomes: Iterable<CaseOutcome<TalliedRow>>, run: PlannedRun): RunTally {
	const tally = new RunTally(run);
	for (const outcome of outcomes) tally.add(outcome);
	return tally;
}

/**
 * Adds up all rows of a run in `directory`. A resumed run ends with this: rows of attempts to retry
 * still count if the run stopped before that.
 */
export function summaryOfRows(directory: string, run: PlannedRun, durationMs: number): RunSummary {
	return { ...tallyOf(caseOutcomes(readIndex(directory).rows, run), run).summary(0), durationMs };
}

/** Returns the number of planned tests without a result. */
export function testsNotRun({ planned, passed, failed, errors }: Tallied): number {
	return Math.max(0, planned - passed - failed - errors);
}
