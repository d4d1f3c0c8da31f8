import { caseResult, isDecided } from "../grading/case-result.ts";
import type { Repeat } from "../model/eval-types.ts";
import type { ResultRow } from "../schema/result-row.ts";
import type { RunFile } from "../schema/run-file.ts";

/** What became of a test against a target, its attempts put together as the run counts them. */
export interface CaseOutcome {
	/** `unfinished`: some attempts are missing. */
	readonly status: "passed" | "failed" | "error" | "unfinished";
	/** Undefined where nothing was judged. */
	readonly score: number | undefined;
	readonly repeat: Repeat;
	/** At least one; in the order in which they finished. */
	readonly attempts: Attempts;
}

type Attempts = readonly [ResultRow, ...ResultRow[]];

/** How often a row's test is run, and how that counts. */
export type RepeatOf = (row: Pick<ResultRow, "eval" | "testId" | "target">) => Repeat | undefined;

const once: Repeat = { count: 1, strategy: "mean", earlyExit: false };

/** Puts rows together to tests × targets, each as soon as its last attempt is there; those that are not finished come last. */
export function* caseOutcomes(rows: Iterable<ResultRow>, repeatOf: RepeatOf): Generator<CaseOutcome> {
	const open = new Map<string, Attempts>();
	for (const row of rows) {
		const repeat = repeatOf(row) ?? once;
		const key = repeat.count === 1 ? "" : keyOf(row);
		const before = open.get(key);
		const attempts: Attempts = before ? [...before, row] : [row];
		// A test that was not run because another did not pass has one row, whatever its repeat.
		if (isDecided(attempts, repeat) || row.error?.stage === "dependency") {
			open.delete(key);
			const { status, score } = caseResult(attempts, repeat, row.threshold);
			yield { status, score, repeat, attempts };
		} else open.set(key, attempts);
	}
	for (const attempts of open.values()) {
		const repeat = repeatOf(attempts[0]) ?? once;
		yield { status: "unfinished", score: caseResult(attempts, repeat, attempts[0].threshold).score, repeat, attempts };
	}
}

/** The repeats that a run planned. */
export function plannedRepeats({ planned, evals }: RunFile): RepeatOf {
	const repeats = new Map<string, Repeat>();
	for (const [index, testId, target, repeat] of planned)
		if (repeat) repeats.set(keyOf({ eval: evals[index]?.file ?? "", testId, target }), repeat);
	return (row) => (repeats.size === 0 ? undefined : repeats.get(keyOf(row)));
}

function keyOf(row: Parameters<RepeatOf>[0]): string {
	return JSON.stringify([row.eval, row.testId, row.target]);
}
