import { toWireRow, toWireSummary } from "@agentv/core";
import type { RunExport } from "../results/exported-run.ts";

/** One document: what was run in short, the summary, all rows. */
export const exportJson: RunExport = ({ directory, run, summary, rows }) => {
	const { runId, experiment, startedAt } = run;
	const head = {
		run_dir: directory,
		run_id: runId,
		experiment,
		started_at: startedAt,
		summary: summary ? toWireSummary(summary) : null,
	};
	const results = rows.map((row) => `    ${JSON.stringify(toWireRow(row))}`).join(",\n");
	return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "results": [\n${results}\n  ]\n}\n`;
};
