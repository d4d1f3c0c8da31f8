import { testsNotRun } from "../grading/run-tally.ts";
import type { RunSummary } from "../schema/result-row.ts";

/** Returns whether a run is finished: every planned test has a result. */
export function isFinished(summary: RunSummary | undefined): summary is RunSummary {
	return summary !== undefined && testsNotRun(summary) === 0;
}
