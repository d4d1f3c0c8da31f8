import type { RunExport } from "../results/exported-run.ts";

/** Exports the recorded rows, one per line; for a repeated attempt only the last. */
export const exportJsonl: RunExport = function* ({ rows }) {
	for (const { text } of rows.recorded()) yield `${text}\n`;
};
