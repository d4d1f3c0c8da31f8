import { type CaseOutcome, caseOutcomes, formatDuration, plannedRepeats, type ResultRow } from "@agentv/core";
import type { ExportedRun, RunExport } from "../results/exported-run.ts";
import { markdownText } from "../results/markdown-text.ts";
import { shortScore } from "../run/failure-text.ts";
import { costText, sumSentence, unfinishedSentence } from "../run/summary-text.ts";

const mostFailures = 50;
const mostReasons = 10;
const mostNames = 20;
/** Bytes of all failures: GitHub shows no summary of a step beyond 1 MB. */
const mostBytes = 600_000;

/** A summary for a CI step: the figures, a table of targets, and what did not pass with its reasons. */
export const exportMarkdown: RunExport = function* (run) {
	const tallies = new Map<string, Tally>();
	const failures: string[] = [];
	let failed = 0;
	let bytes = 0;
	for (const outcome of caseOutcomes(run.rows, plannedRepeats(run.run))) {
		tally(outcome, tallies);
		if (outcome.status === "passed") continue;
		failed += 1;
		if (failures.length >= mostFailures || bytes > mostBytes) continue;
		const text = failure(outcome);
		bytes += Buffer.byteLength(text);
		failures.push(text);
	}
	const parts = [
		`## ${run.summary?.passed === run.run.planned.length ? "✅" : "❌"} ${title(run)}`,
		sentence(run),
		targetTable(tallies),
		...(tallies.size > mostNames ? [`…and ${tallies.size - mostNames} more targets.`] : []),
		...(failed > 0 ? [`### What did not pass`, failures.join("\n")] : []),
		...(failed > failures.length ? [`…and ${failed - failures.length} more.`] : []),
		`Run ${markdownText(run.name)} (${markdownText(run.run.experiment)}), started ${run.run.startedAt}${commit(run)}.`,
	];
	yield `${parts.join("\n\n")}\n`;
};

function title({ run: { evals } }: ExportedRun): string {
	const names = evals.slice(0, mostNames).map(({ name }) => markdownText(name));
	return `${names.join(", ")}${evals.length > mostNames ? ` and ${evals.length - mostNames} more` : ""}`;
}

function sentence({ summary, rows, run }: ExportedRun): string {
	const strong = (text: string) => `**${text}**`;
	if (!summary) return strong(unfinishedSentence(rows.count, run.planned.length));
	return sumSentence(summary, { passed: strong, failed: strong, errors: strong, left: strong });
}

function commit({ run: { git } }: ExportedRun): string {
	return git ? `, commit ${git.commit.slice(0, 12)}${git.dirty ? " with changes" : ""}` : "";
}

/** Tests of a target. */
interface Tally {
	readonly counts: Record<CaseOutcome["status"], number>;
	/** Sum and number of the scores. */
	score: number;
	scored: number;
	durationMs: number;
	costUsd: number | null;
}

function tally({ status, score, attempts }: CaseOutcome, tallies: Map<string, Tally>): void {
	const [{ target }] = attempts;
	let own = tallies.get(target);
	if (!own) {
		const counts = { passed: 0, failed: 0, error: 0, unfinished: 0 };
		own = { counts, score: 0, scored: 0, durationMs: 0, costUsd: null };
		tallies.set(target, own);
	}
	own.counts[status] += 1;
	if (score !== undefined && (status === "passed" || status === "failed")) {
		own.score += score;
		own.scored += 1;
	}
	for (const { durationMs, costUsd } of attempts) {
		own.durationMs += durationMs;
		if (costUsd !== undefined) own.costUsd = (own.costUsd ?? 0) + costUsd;
	}
}

const heads = ["Target", "Passed", "Failed", "Not run", "Mean score", "Mean time", "Cost"];

function targetTable(tallies: ReadonlyMap<string, Tally>): string {
	const lines = [...tallies].slice(0, mostNames).map(([name, { counts, score, scored, durationMs, costUsd }]) => {
		const notRun = counts.error + counts.unfinished;
		const mean = scored === 0 ? "–" : shortScore(score / scored);
		const time = formatDuration(durationMs / (counts.passed + counts.failed + notRun));
		return [markdownText(name), counts.passed, counts.failed, notRun, mean, time, costText(costUsd)];
	});
	const rows = [heads, heads.map((_, index) => (index === 0 ? "---" : "---:")), ...lines];
	return rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function failure({ status, score, repeat, attempts }: CaseOutcome): string {
	const [{ testId, target, threshold }] = attempts;
	const passed = attempts.filter(({ executionStatus }) => executionStatus === "ok").length;
	const counted = attempts.length > 1 ? `, ${passed} of ${attempts.length} attempts passed` : "";
	const words = {
		...{ passed: "", failed: `score ${shortScore(score ?? 0)}, threshold ${threshold}${counted}` },
		error: `could not be run${counted}`,
		unfinished: `not finished, ${attempts.length} of ${repeat.count} attempts were made`,
	};
	const reasons = [...new Set(attempts.flatMap(reasonsOf))];
	const more = reasons.length > mostReasons ? [`  - …and ${reasons.length - mostReasons} more`] : [];
	return [
		`- **${markdownText(testId)}** (${markdownText(target)}): ${words[status]}`,
		...reasons.slice(0, mostReasons).map((reason) => `  - ${reason}`),
		...more,
	].join("\n");
}

function reasonsOf({ executionStatus, error, scores }: ResultRow): string[] {
	if (executionStatus === "ok") return [];
	const failed = scores.flatMap(({ name, assertions }) =>
		assertions
			.filter(({ passed }) => !passed)
			.map(({ text, evidence }) => markdownText(`${name}: ${text}${evidence ? ` — ${evidence}` : ""}`)),
	);
	return [...(error ? [markdownText(`${error.stage}: ${error.message}`)] : []), ...failed];
}
