import { workflowData, workflowProperty } from "../terminal/workflow-text.ts";
import { exitCodeOf, shownPath, summaryOf, type ValidationReporter } from "../validation/reporter.ts";

/** Writes GitHub annotations: `::error file=…,line=…,col=…,title=…::message`. */
export const validateGithub: ValidationReporter = (report) => {
	const lines = report.evals.flatMap(({ diagnostics }) =>
		diagnostics
			.filter(({ fixed }) => !fixed)
			.map(({ severity, rule, message, hint, at, range: { start, end } }) => {
				const oneLine = start.line === end.line && end.column > start.column;
				const properties = [
					["file", shownPath(at.file, report.cwd)],
					["line", String(start.line)],
					["endLine", String(end.line)],
					["col", String(start.column)],
					...(oneLine ? [["endColumn", String(end.column)]] : []),
					["title", rule],
				].map(([name, value]) => `${name}=${workflowProperty(value ?? "")}`);
				return `::${severity} ${properties.join(",")}::${workflowData(hint === undefined ? message : `${message}\n${hint}`)}`;
			}),
	);
	const { evals, errors, warnings } = summaryOf(report);
	// Evals that share a file repeat its findings; GitHub only shows a few annotations.
	const text = [...new Set(lines), `${evals} evals, ${errors} errors, ${warnings} warnings`].join("\n");
	return { text: `${text}\n`, kind: "commands", exitCode: exitCodeOf(report) };
};
