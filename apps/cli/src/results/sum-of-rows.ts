import { caseOutcomes, type OpenRun, type Tallied, tallyOf } from "@agentv/core";

/** The summary of a run from its rows, however far it is; how long it took is known once it has ended. */
export function sumOfRows({ run, rows, summary }: Pick<OpenRun, "run" | "rows" | "summary">): Tallied {
	return tallyOf(caseOutcomes(rows, run), run).summary(summary?.durationMs);
}
