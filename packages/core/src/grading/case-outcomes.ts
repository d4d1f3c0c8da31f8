import { caseKey } from "../model/case-key.ts";
import type { Repeat } from "../model/eval-types.ts";
import type { ResultRow } from "../schema/result-row.ts";
import type { PlannedTest, RunFile } from "../schema/run-file.ts";
import { type CaseResult, caseResult, isDecided } from "./case-result.ts";

/** What counting needs of a row. */
export type CountedRow = Pick<
	ResultRow,
	"eval" | "testId" | "target" | "attempt" | "score" | "threshold" | "executionStatus" | "error"
>;

/** What a run planned. */
export type PlannedRun = Pick<RunFile, "planned" | "evals">;

/** The result of a test against a target, its attempts combined by the `repeat` strategy. */
export interface CaseOutcome<Row extends CountedRow = ResultRow> {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** `not_run`: it was planned and has no result, because none or only some of its attempts were made. */
	readonly status: CaseResult["status"] | "not_run";
	/** Undefined if nothing was judged, or the test was not run. */
	readonly score: number | undefined;
	readonly repeat: Repeat;
	/** In the order in which they finished. */
	readonly attempts: readonly Row[];
}

/** How people read each status, in every report. */
export const outcomeWords: Readonly<Record<CaseOutcome["status"], string>> = {
	passed: "passed",
	failed: "failed",
	error: "not judged",
	not_run: "not run",
};

/** The same for a single attempt. */
export const attemptStatuses = {
	ok: "passed",
	quality_failure: "failed",
	execution_error: "error",
} as const satisfies Readonly<Record<ResultRow["executionStatus"], CaseOutcome["status"]>>;

const once: Repeat = { count: 1, strategy: "mean", earlyExit: false };

/**
 * Combines rows into planned tests × targets: each is yielded when its last attempt is read, those that were not run at the end. This is
 * how every report counts. Rows that the run did not plan are left out, as `results verify` reports them.
 */
export function* caseOutcomes<Row extends CountedRow>(
	rows: Iterable<Row>,
	run: PlannedRun,
): Generator<CaseOutcome<Row>> {
	const open = new Map(run.planned.map((planned) => [keyOf(planned, run), planned]));
	const made = new Map<string, readonly Row[]>();
	for (const row of rows) {
		const key = caseKey(row.eval, row.testId, row.target);
		const [, , , repeat = once] = open.get(key) ?? [];
		if (!open.has(key) || row.attempt > repeat.count) continue;
		const attempts = [...(made.get(key) ?? []), row];
		if (isDecided(attempts, repeat)) {
			open.delete(key);
			made.delete(key);
			const { status, score } = caseResult(attempts, repeat, row.threshold);
			yield { eval: row.eval, testId: row.testId, target: row.target, status, score, repeat, attempts };
		} else made.set(key, attempts);
	}
	for (const [key, planned] of open) {
		const [index, testId, target, repeat = once] = planned;
		const label = run.evals[index]?.file ?? "";
		const attempts = made.get(key) ?? [];
		yield { eval: label, testId, target, status: "not_run", score: undefined, repeat, attempts };
	}
}

function keyOf([index, testId, target]: PlannedTest, { evals }: PlannedRun): string {
	return caseKey(evals[index]?.file ?? "", testId, target);
}
