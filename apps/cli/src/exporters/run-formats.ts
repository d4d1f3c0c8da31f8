import { relative } from "node:path";
import {
	type CaseOutcome,
	caseOutcomes,
	type Diagnostic,
	locateFindings,
	outcomeWords,
	type RunPlan,
	shardBudgets,
	testsNotRun,
	toWireRow,
	toWireSummary,
} from "@agentv/core";
import { failureSentence, outcomeScore, plainEmphasis, shardBudgetText, sumSentence } from "../output/run.ts";
import type { RunReport, RunReporter } from "../output/run-report.ts";
import { workflowData, workflowProperty } from "../output/terminal.ts";
import { runDocument } from "./junit.ts";

/**
 * Writes GitHub annotations: one per test that failed or was not graded, one for all that were not run; then the
 * summary.
 */
export const runGithub: RunReporter = (report) => {
	const { run, rows } = report.run;
	const broken = [...caseOutcomes(rows, run)].filter(({ status }) => status === "failed" || status === "error");
	const left = testsNotRun(report.summary);
	const lines = [
		...annotations(broken, report),
		...(left > 0 ? [`::warning title=${workflowProperty(outcomeWords.not_run)}::${notRun(left, report)}`] : []),
		...shardBudgets(report.plan).map((budget) => `::notice::${workflowData(shardBudgetText(budget))}`),
		workflowData(sumSentence(report.summary, plainEmphasis)),
	];
	return { text: `${lines.join("\n")}\n`, kind: "commands" };
};

function notRun(left: number, { summary: { planned } }: RunReport): string {
	return `${left} of ${planned} ${planned === 1 ? "test was" : "tests were"} ${outcomeWords.not_run}`;
}

function annotations(broken: readonly CaseOutcome[], { plan, cwd }: RunReport): string[] {
	const placeOf = places(plan);
	const placed = broken.map((outcome): Diagnostic => {
		return { rule: "test", severity: "error", message: messageOf(outcome), at: placeOf(outcome), data: {} };
	});
	return locateFindings(placed).map(({ diagnostic, range }, index) => {
		const { testId, target } = broken[index] ?? { testId: "", target: "" };
		const file = relative(cwd, diagnostic.at.file).replaceAll("\\", "/");
		const line = range ? `,line=${range.start.line}` : "";
		const title = workflowProperty(`${testId} (${target})`);
		return `::error file=${workflowProperty(file)}${line},title=${title}::${workflowData(diagnostic.message)}`;
	});
}

/** Returns a function that locates a test in its eval. */
function places({ cases }: RunPlan): (outcome: CaseOutcome) => Diagnostic["at"] {
	const keyOf = (label: string, testId: string) => JSON.stringify([label, testId]);
	const known = new Map(cases.map(({ names, test }) => [keyOf(names.eval, names.testId), test.at]));
	return (outcome) => known.get(keyOf(outcome.eval, outcome.testId)) ?? { file: outcome.eval, path: [] };
}

function messageOf(outcome: CaseOutcome): string {
	const { attempts, repeat, status } = outcome;
	const [first] = attempts;
	if (repeat.count > 1) return [outcomeScore(outcome), ...attempts.flatMap(attemptReasons)].join("\n");
	if (!first) return outcomeWords[status];
	if (status === "error") return `${outcomeWords.error}: ${first.error?.message ?? ""}`;
	return [first.error?.message ?? failureSentence(first), ...failedFindings(first)].join("\n");
}

function attemptReasons(row: CaseOutcome["attempts"][number]): string[] {
	if (row.executionStatus === "ok") return [];
	const reasons = [...(row.error ? [row.error.message] : []), ...failedFindings(row)];
	return reasons.map((reason) => `attempt ${row.attempt}: ${reason}`);
}

function failedFindings({ scores }: CaseOutcome["attempts"][number]): string[] {
	return scores.flatMap(({ assertions }) =>
		assertions
			.filter(({ passed }) => !passed)
			.map(({ text, evidence }) => (evidence === undefined ? text : `${text} — ${evidence}`)),
	);
}

/** Reports the run's directory, summary and all rows as JSON. */
export const runJson: RunReporter = (report) => jsonDocument(report, { results: [...report.run.rows].map(toWireRow) });

/** Reports the run's directory and summary, for `--json`. */
export const runBriefJson: RunReporter = (report) => jsonDocument(report, {});

function jsonDocument(report: RunReport, more: object): ReturnType<RunReporter> {
	const content = { run_dir: report.runDir, summary: toWireSummary(report.summary), ...more };
	return { text: `${JSON.stringify(content, null, 2)}\n` };
}

export const runJunit: RunReporter = (report) => ({ text: runDocument(report.run) });
