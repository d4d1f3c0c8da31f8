import type { OpenRun, RunOutcome, RunPlan, RunSummary } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import type { Colors } from "../terminal/colors.ts";

/** What every reporter of a run gets. */
export interface RunReport {
	readonly runDir: string;
	readonly summary: RunSummary;
	readonly outcome: RunOutcome;
	/** The run as it is on disk, the rows from before it was resumed included. */
	readonly run: OpenRun;
	readonly plan: RunPlan;
	/** Absolute; paths are shown relative to it. */
	readonly cwd: string;
	readonly colors: Colors;
	/** Width that tables may have. */
	readonly columns: number;
}

export type RunReporter = (report: RunReport) => CommandResult;

/** 130 interrupted, 4 some test was not graded or the budget did not suffice, 1 some test failed, else 0. */
export function exitCodeOf({ summary, outcome }: Pick<RunReport, "summary" | "outcome">): number {
	if (outcome === "interrupted") return 130;
	if (summary.errors > 0 || outcome === "over-budget") return 4;
	return summary.failed > 0 ? 1 : 0;
}
