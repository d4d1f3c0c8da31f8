import type { PlannedCase, ResultRow, RunOutcome, RunPlan, RunSummary } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import type { Colors } from "../terminal/colors.ts";
import type { TargetTally } from "./summary-text.ts";

/** What every reporter of a run gets. */
export interface RunReport {
	readonly runDir: string;
	readonly summary: RunSummary;
	readonly outcome: RunOutcome;
	/** Rows in the order in which they finished, those of a resumed run's beginning included; without `allRows` only what did not pass. */
	readonly rows: readonly ResultRow[];
	/** All attempts, counted. */
	readonly tally: TargetTally;
	readonly plan: RunPlan;
	/** Absolute; paths are shown as seen from here. */
	readonly cwd: string;
	readonly colors: Colors;
	/** Width that tables may have. */
	readonly columns: number;
}

export interface RunReporter {
	/** Whether it shows every attempt: else the rows of a large run need not be kept. */
	readonly allRows: boolean;
	readonly report: (report: RunReport) => CommandResult;
}

/** 130 interrupted, 4 some test could not be run (a budget too small is a reason), 1 some test did not pass, else 0. */
export function exitCodeOf({ summary, outcome }: Pick<RunReport, "summary" | "outcome">): number {
	if (outcome === "interrupted") return 130;
	if (summary.errors > 0 || outcome === "over-budget") return 4;
	return summary.failed > 0 ? 1 : 0;
}

/** The planned case of a row: its place in the eval, how often it is run. */
export function caseFinder(
	plan: RunPlan,
): (row: Pick<ResultRow, "eval" | "testId" | "target">) => PlannedCase | undefined {
	const cases = new Map(
		plan.cases.map((one) => [JSON.stringify([one.eval.label, one.test.id, one.target.target.name]), one]),
	);
	return (row) => cases.get(JSON.stringify([row.eval, row.testId, row.target]));
}
