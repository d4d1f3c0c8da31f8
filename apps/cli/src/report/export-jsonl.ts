import type { RunExport } from "../results/exported-run.ts";

/** The rows as they were recorded, one a line: of an attempt that was run again only the last. */
export const exportJsonl: RunExport = function* ({ rows }) {
	for (const { text } of rows.recorded()) yield `${text}\n`;
};
