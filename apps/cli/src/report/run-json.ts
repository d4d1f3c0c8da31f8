import { toWireRow, toWireSummary } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import { exitCodeOf, type RunReport, type RunReporter } from "../run/run-report.ts";

/** For programs: the run's directory, its summary and all rows. */
export const runJson: RunReporter = (report) => jsonDocument(report, { results: [...report.run.rows].map(toWireRow) });

/** What `--json` prints: where the results are, and their sum. */
export const runBriefJson: RunReporter = (report) => jsonDocument(report, {});

function jsonDocument(report: RunReport, more: object): CommandResult {
	const content = { run_dir: report.runDir, summary: toWireSummary(report.summary), ...more };
	return { text: `${JSON.stringify(content, null, 2)}\n`, exitCode: exitCodeOf(report) };
}
