import type { PlannedCase, ResultRow, RunOutcome, RunPlan, RunSummary } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import type { Colors } from "../terminal/colors.ts";

/** What every reporter of a run gets. */
export interface RunReport {
	readonly runDir: string;
	readonly summary: RunSummary;
	readonly outcome: RunOutcome;
	/** Rows of this run's attempts, in the order in which they finished. A resumed run has those of before, too. */
	readonly rows: readonly ResultRow[];
	readonly plan: RunPlan;
	/** Absolute; paths are shown as seen from here. */
	readonly cwd: string;
	readonly colors: Colors;
}

export type RunReporter = (report: RunReport) => CommandResult;

/** 130 interrupted, 4 some test could not be run (a budget too small is a reason), 1 some test did not pass, else 0. */
export function exitCodeOf({ summary, outcome }: Pick<RunReport, "summary" | "outcome">): number {
	if (outcome === "interrupted") return 130;
	if (summary.errors > 0 || outcome === "over-budget") return 4;
	return summary.failed > 0 ? 1 : 0;
}

/** The planned case of a row, for its place in the eval. */
export function caseFinder(plan: RunPlan): (row: ResultRow) => PlannedCase | undefined {
	const cases = new Map(
		plan.cases.map((one) => [JSON.stringify([one.eval.label, one.test.id, one.target.target.name]), one]),
	);
	return (row) => cases.get(JSON.stringify([row.eval, row.testId, row.target]));
}
