import { junitDocument } from "../results/junit-document.ts";
import { exitCodeOf, type RunReporter } from "../run/run-report.ts";

/** For CI servers: a JUnit document, a test suite for each eval and target. */
export const runJunit: RunReporter = {
	allRows: true,
	report: (report) => ({ text: [...junitDocument(report.rows)].join(""), exitCode: exitCodeOf(report) }),
};
