import { runDocument } from "../junit/run-document.ts";
import { exitCodeOf, type RunReporter } from "../run/run-report.ts";

/** For CI servers: a JUnit document, a test suite for each eval and target. */
export const runJunit: RunReporter = (report) => ({ text: runDocument(report.run), exitCode: exitCodeOf(report) });
