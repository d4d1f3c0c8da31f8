import type { Repeat } from "../model/eval-types.ts";
import type { ResultRow } from "../schema/result-row.ts";
import type { RunFile } from "../schema/run-file.ts";
import { type CaseResult, caseResult, isDecided } from "./case-result.ts";

/** Fields of a row that counting needs. */
export type CountedRow = Pick<
	ResultRow,
	"eval" | "testId" | "target" | "attempt" | "score" | "threshold" | "executionStatus" | "error"
>;

export type PlannedRun = Pick<RunFile, "planned" | "evals">;

/** The result of a test against a target, its attempts combined by the `repeat` strategy. */
export interface CaseOutcome<Row extends CountedRow = ResultRow> {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** `not_run`: planned without a result, because attempts are missing. */
	readonly status: CaseResult["status"] | "not_run";
	/** Undefined if nothing was graded, or the test was not run. */
	readonly score: number | undefined;
	/** The contribution to the lower bound of means, as in `CaseResult`. */
	readonly lowest: number | undefined;
	readonly repeat: Repeat;
	/** In completion order. */
	readonly attempts: readonly Row[];
}

/** The displayed name of each status, in every report. */
export const outcomeWords: Readonly<Record<CaseOutcome["status"], string>> = {
	passed: "passed",
	failed: "failed",
	error: "not graded",
	not_run: "not run",
};

/** Like `outcomeWords`, for a single attempt. */
export const attemptStatuses = {
	ok: "passed",
	quality_failure: "failed",
	execution_error: "error",
} as const satisfies Readonly<Record<ResultRow["executionStatus"], CaseOutcome["status"]>>;

const once: Repeat = { count: 1, strategy: "mean", earlyExit: false };

/**
 * Combines rows into planned tests × targets: each is yielded after its last attempt, those that
 * were not run at the end. Every report counts this way. Rows that the run did not plan are
 * skipped; `results verify` reports them.
 */
export function* caseOutcomes<Row extends CountedRow>(
	rows: Iterable<Row>,
	run: PlannedRun,
): Generator<CaseOutcome<Row>> {
	const plan = new PlanIndex(run);
	const isFinished = new Uint8Array(run.planned.length);
	const made = new Map<number, readonly Row[]>();
	for (const row of rows) {
		const position = plan.positionOf(row);
		const repeat = run.planned[position]?.[3] ?? once;
		if (position === -1 || isFinished[position] === 1 || row.attempt > repeat.count) continue;
		const before = repeat.count === 1 ? undefined : made.get(position);
		const attempts = before ? [...before, row] : [row];
		if (isDecided(attempts, repeat)) {
			isFinished[position] = 1;
			made.delete(position);
			const { status, score, lowest } = caseResult(attempts, repeat, row.threshold);
			yield { eval: row.eval, testId: row.testId, target: row.target, status, score, lowest, repeat, attempts };
		} else made.set(position, attempts);
	}
	for (const [position, [index, testId, target, repeat = once]] of run.planned.entries()) {
		if (isFinished[position] === 1) continue;
		const label = run.evals[index]?.file ?? "";
		const attempts = made.get(position) ?? [];
		yield { eval: label, testId, target, status: "not_run", score: undefined, lowest: undefined, repeat, attempts };
	}
}

/** Looks up by eval and target first: joining all names takes longer than reading rows. */
class PlanIndex {
	readonly #evals = new Map<string, Map<string, Map<string, number>>>();

	constructor({ planned, evals }: PlannedRun) {
		for (const [position, test] of planned.entries()) {
			const label = evals[test[0]]?.file ?? "";
			this.#testsOf(label, test[2]).set(test[1], position);
		}
	}

	/** -1 if the test was not planned. */
	positionOf({ eval: label, testId, target }: Pick<ResultRow, "eval" | "testId" | "target">): number {
		return this.#evals.get(label)?.get(target)?.get(testId) ?? -1;
	}

	#testsOf(label: string, target: string): Map<string, number> {
		const targets = this.#evals.get(label) ?? new Map<string, Map<string, number>>();
		const tests = targets.get(target) ?? new Map<string, number>();
		this.#evals.set(label, targets);
		targets.set(target, tests);
		return tests;
	}
}
