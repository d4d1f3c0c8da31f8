import type { Comparison } from "@agentv/core";

/** Two runs, as they are named in what is printed, and what comparing them showed. */
export interface ComparedRuns {
	readonly before: string;
	readonly after: string;
	readonly comparison: Comparison;
}
