import type { OpenRun, RunOutcome, RunPlan, RunSummary } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import type { Colors } from "../terminal/colors.ts";

/** Input of a run reporter. */
export interface RunReport {
	readonly runDir: string;
	readonly summary: RunSummary;
	readonly outcome: RunOutcome;
	/** The run on disk, rows from before it was resumed included. */
	readonly run: OpenRun;
	readonly plan: RunPlan;
	/** Absolute; paths are shown relative to it. */
	readonly cwd: string;
	readonly colors: Colors;
	/** Maximum width of tables. */
	readonly columns: number;
}

export type RunReporter = (report: RunReport) => CommandResult;

/** Returns 130 if interrupted, 4 if a test was not graded or the budget was exhausted, 1 if a test failed, else 0. */
export function exitCodeOf({ summary, outcome }: Pick<RunReport, "summary" | "outcome">): number {
	if (outcome === "interrupted") return 130;
	if (summary.errors > 0 || outcome === "over-budget") return 4;
	return summary.failed > 0 ? 1 : 0;
}
