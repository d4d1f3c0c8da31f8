import { toWireSummary } from "@agentv/core";
import type { RunExport } from "../results/exported-run.ts";

/** Exports the run, its summary and all rows as one document. */
export const exportJson: RunExport = function* ({ directory, run, summary, rows }) {
	const { runId, experiment, startedAt } = run;
	const head = {
		run_dir: directory,
		run_id: runId,
		experiment,
		started_at: startedAt,
		summary: summary ? toWireSummary(summary) : null,
	};
	yield `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "results": [`;
	let separator = "\n    ";
	for (const { text } of rows.recorded()) {
		yield `${separator}${text}`;
		separator = ",\n    ";
	}
	yield "\n  ]\n}\n";
};
