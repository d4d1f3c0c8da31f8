import { runDocument } from "../junit/run-document.ts";
import { caseFinder, exitCodeOf, type RunReporter } from "../run/run-report.ts";

/** For CI servers: a JUnit document, a test suite for each eval and target. */
export const runJunit: RunReporter = {
	allRows: true,
	report: (report) => {
		const caseOf = caseFinder(report.plan);
		return { text: runDocument(report.rows, (row) => caseOf(row)?.repeat), exitCode: exitCodeOf(report) };
	},
};
