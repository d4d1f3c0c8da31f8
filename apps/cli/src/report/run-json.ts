import { toWireRow, toWireSummary } from "@agentv/core";
import { exitCodeOf, type RunReporter } from "../run/run-report.ts";

/** For programs: the run's directory, its summary and all rows. */
export const runJson: RunReporter = (report) => {
	const { runDir, summary, rows } = report;
	const document = { run_dir: runDir, summary: toWireSummary(summary), results: rows.map(toWireRow) };
	return { text: `${JSON.stringify(document, null, 2)}\n`, exitCode: exitCodeOf(report) };
};

/** What `--json` prints: where the results are, and their sum. */
export const runBriefJson: RunReporter = (report) => ({
	text: `${JSON.stringify({ run_dir: report.runDir, summary: toWireSummary(report.summary) }, null, 2)}\n`,
	exitCode: exitCodeOf(report),
});
