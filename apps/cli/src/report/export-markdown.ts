import { formatDuration, type ResultRow } from "@agentv/core";
import type { ExportedRun, RunExport } from "../results/exported-run.ts";

const mostFailures = 50;

/** A summary for a CI step: the figures, a table of targets, and what failed with its reasons. */
export const exportMarkdown: RunExport = function* (run) {
	const tallies = new Map<string, Tally>();
	const failures: string[] = [];
	let failed = 0;
	for (const row of run.rows) {
		tally(row, tallies);
		if (row.executionStatus === "ok") continue;
		failed += 1;
		if (failures.length < mostFailures) failures.push(failure(row));
	}
	const parts = [
		`# ${inline(run.run.evals.map(({ name }) => name).join(", "))}`,
		sumLine(run),
		targetTable(tallies),
		...(failed > 0 ? ["## What did not pass", ...failures] : []),
		...(failed > mostFailures ? [`…and ${failed - mostFailures} more.`] : []),
		`Run \`${run.name}\`, started ${run.run.startedAt}.`,
	];
	yield `${parts.join("\n\n")}\n`;
};

function sumLine({ summary, rows, run }: ExportedRun): string {
	if (!summary) return `**Not finished**: ${rows.count} attempts of ${run.planned.length} tests.`;
	const mean = summary.meanScore === null ? "–" : summary.meanScore.toFixed(2);
	return `**${summary.passed} of ${summary.planned} passed**, ${summary.failed} failed, ${summary.errors} could not be run · mean score ${mean} · ${formatDuration(summary.durationMs)}${summary.costUsd === null ? "" : ` · $${summary.costUsd.toFixed(4)}`}`;
}

/** Attempts of a target. */
interface Tally {
	readonly counts: Record<ResultRow["executionStatus"], number>;
	/** Of those that were judged. */
	score: number;
}

function tally({ target, executionStatus, score }: ResultRow, tallies: Map<string, Tally>): void {
	let own = tallies.get(target);
	if (!own) {
		own = { counts: { ok: 0, quality_failure: 0, execution_error: 0 }, score: 0 };
		tallies.set(target, own);
	}
	own.counts[executionStatus] += 1;
	if (executionStatus !== "execution_error") own.score += score;
}

function targetTable(tallies: ReadonlyMap<string, Tally>): string {
	const lines = [...tallies].map(([name, { counts, score }]) => {
		const judged = counts.ok + counts.quality_failure;
		const mean = judged === 0 ? "–" : (score / judged).toFixed(2);
		return `| ${inline(name)} | ${counts.ok} | ${counts.quality_failure} | ${counts.execution_error} | ${mean} |`;
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
