import { runDocument } from "../junit/run-document.ts";
import { exitCodeOf, type RunReporter } from "../run/run-report.ts";

export const runJunit: RunReporter = (report) => ({ text: runDocument(report.run), exitCode: exitCodeOf(report) });
