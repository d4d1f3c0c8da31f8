import { toWireRow, toWireSummary } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import { exitCodeOf, type RunReport, type RunReporter } from "../run/run-report.ts";

/** Reports the run's directory, summary and all rows as JSON. */
export const runJson: RunReporter = (report) => jsonDocument(report, { results: [...report.run.rows].map(toWireRow) });

/** Reports the run's directory and summary, for `--json`. */
export const runBriefJson: RunReporter = (report) => jsonDocument(report, {});

function jsonDocument(report: RunReport, more: object): CommandResult {
	const content = { run_dir: report.runDir, summary: toWireSummary(report.summary), ...more };
	return { text: `${JSON.stringify(content, null, 2)}\n`, exitCode: exitCodeOf(report) };
}
