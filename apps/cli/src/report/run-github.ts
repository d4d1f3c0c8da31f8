import { relative } from "node:path";
import { type Diagnostic, locateFindings, type ResultRow } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import { caseFinder, exitCodeOf, type RunReport, type RunReporter } from "../run/run-report.ts";
import { sumText } from "../run/summary-text.ts";
import { colorsFor } from "../terminal/colors.ts";
import { workflowData, workflowProperty } from "../terminal/workflow-text.ts";

/** For GitHub Actions: an annotation at each test that did not pass, then the sum. */
export const runGithub: RunReporter = { allRows: false, report: write };

function write(report: RunReport): CommandResult {
	const caseOf = caseFinder(report.plan);
	const broken = report.rows.filter(({ executionStatus }) => executionStatus !== "ok");
	const placed = broken.map((row): Diagnostic => {
		const at = caseOf(row)?.test.at ?? { file: row.eval };
		return { rule: "test", severity: "error", message: messageOf(row), at, data: {} };
	});
	const located = locateFindings(placed);
	const lines = located.map(({ diagnostic, range }, index) => {
		const row = broken[index];
		const file = relative(report.cwd, diagnostic.at.file).replaceAll("\\", "/");
		const line = range ? `,line=${range.start.line}` : "";
		return `::error file=${workflowProperty(file)}${line},title=${workflowProperty(`${row?.testId} (${row?.target})`)}::${workflowData(diagnostic.message)}`;
	});
	const plain = colorsFor({ write: () => undefined, isTTY: false, columns: 80, color: false });
	return { text: `${[...lines, sumText(report.summary, plain)].join("\n")}\n`, exitCode: exitCodeOf(report) };
}

function messageOf(row: ResultRow): string {
	if (row.executionStatus === "execution_error") return `could not be run: ${row.error?.message ?? ""}`;
	const failed = row.scores.flatMap(({ assertions }) =>
		assertions.filter(({ passed }) => !passed).map(({ text }) => text),
	);
	return [`score ${row.score} is below ${row.threshold}`, ...failed].join("\n");
}
