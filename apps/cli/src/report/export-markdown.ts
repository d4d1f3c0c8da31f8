import { formatDuration, type ResultRow } from "@agentv/core";
import type { ExportedRun, RunExport } from "../results/exported-run.ts";

const mostFailures = 50;

/** A summary for a CI step: the figures, a table of targets, and what failed with its reasons. */
export const exportMarkdown: RunExport = (run) => {
	const failed = run.rows.filter(({ executionStatus }) => executionStatus !== "ok");
	const parts = [`# ${inline(run.run.evals.map(({ name }) => name).join(", "))}`, sumLine(run), targetTable(run.rows)];
	if (failed.length > 0) parts.push("## What did not pass", ...failed.slice(0, mostFailures).map(failure));
	if (failed.length > mostFailures) parts.push(`…and ${failed.length - mostFailures} more.`);
	parts.push(`Run \`${run.name}\`, started ${run.run.startedAt}.`);
	return `${parts.join("\n\n")}\n`;
};

function sumLine({ summary, rows, run }: ExportedRun): string {
	if (!summary) return `**Not finished**: ${rows.length} attempts of ${run.planned.length} tests.`;
	const mean = summary.meanScore === null ? "–" : summary.meanScore.toFixed(2);
	return `**${summary.passed} of ${summary.planned} passed**, ${summary.failed} failed, ${summary.errors} could not be run · mean score ${mean} · ${formatDuration(summary.durationMs)}${summary.costUsd === null ? "" : ` · $${summary.costUsd.toFixed(4)}`}`;
}

function targetTable(rows: readonly ResultRow[]): string {
	const names = [...new Set(rows.map(({ target }) => target))];
	const lines = names.map((name) => {
		const own = rows.filter(({ target }) => target === name);
		const number = (status: ResultRow["executionStatus"]) =>
			own.filter(({ executionStatus }) => executionStatus === status).length;
		const judged = own.filter(({ executionStatus }) => executionStatus !== "execution_error");
		const mean =
			judged.length === 0 ? "–" : (judged.reduce((sum, { score }) => sum + score, 0) / judged.length).toFixed(2);
		return `| ${inline(name)} | ${number("ok")} | ${number("quality_failure")} | ${number("execution_error")} | ${mean} |`;
	});
	return ["| Target | Passed | Failed | Errors | Mean score |", "| --- | ---: | ---: | ---: | ---: |", ...lines].join(
		"\n",
	);
}

function failure(row: ResultRow): string {
	const reasons = row.error
		? [`${row.error.stage}: ${row.error.message}`]
		: row.scores.flatMap(({ name, assertions }) =>
				assertions
					.filter(({ passed }) => !passed)
					.map(({ text, evidence }) => `${name}: ${text}${evidence ? ` — ${evidence}` : ""}`),
			);
	const title =
		row.executionStatus === "execution_error"
			? "could not be run"
			: `score ${row.score.toFixed(2)}, threshold ${row.threshold}`;
	return [
		`- **${inline(row.testId)}** (${inline(row.target)}): ${title}`,
		...reasons.slice(0, 10).map((reason) => `  - ${inline(reason)}`),
	].join("\n");
}

/** Text that stays text in Markdown, on one line. */
function inline(text: string): string {
	const line = text.replace(/\s+/g, " ").trim();
	const cut = line.length > 300 ? `${line.slice(0, 300)}…` : line;
	return cut.replace(/[\\`*_{}[\]<>|#!~]/g, "\\$&");
}
