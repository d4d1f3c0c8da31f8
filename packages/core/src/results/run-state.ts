import type { RunSummary } from "../schema/result-row.ts";

/** Whether a run came to its end: every planned test has a result. */
export function isFinished(summary: RunSummary | undefined): summary is RunSummary {
	return summary !== undefined && summary.passed + summary.failed + summary.errors >= summary.planned;
}
