import {
	type CaseOutcome,
	caseOutcomes,
	type OpenRun,
	RunTally,
	type Tallied,
	terminalSafeLine,
	toWireSummary,
} from "@agentv/core";
import type { Context } from "../context.ts";
import {
	attemptsPassed,
	failureReasons,
	originSentence,
	outcomeScore,
	shortScore,
	sumSentence,
	targetCells,
	unfinishedSentence,
} from "../output/run.ts";
import { colorsFor } from "../output/terminal.ts";
import { runDocument } from "./junit.ts";

export interface ExportedRun extends OpenRun {
	readonly name: string;
}

/** Exports in pieces, because runs may be larger than memory. */
export type RunExport = (run: ExportedRun) => Generator<string>;

export const exportJson: RunExport = function* ({ directory, run, summary, rows }) {
	const { runId, experiment, startedAt } = run;
	const head = {
		run_dir: directory,
		run_id: runId,
		experiment,
		started_at: startedAt,
		summary: summary ? toWireSummary(summary) : null,
	};
	yield `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "results": [`;
	let separator = "\n    ";
	for (const { text } of rows.recorded()) {
		yield `${separator}${text}`;
		separator = ",\n    ";
	}
	yield "\n  ]\n}\n";
};

/** Exports one row per line; for a repeated attempt only the last. */
export const exportJsonl: RunExport = function* ({ rows }) {
	for (const { text } of rows.recorded()) yield `${text}\n`;
};

export const exportJunit: RunExport = runDocument;

/** Within a line: markup, table cells, formulas, links. */
const special = /[\\`*_[\]<>&|~$@]|:(?=\/\/)|(?<=www)\./gi;

/**
 * Escapes Markdown within a line, but not at its beginning. Cuts it after `maxLength` characters.
 */
export function markdownText(text: string, maxLength = 300): string {
	const line = terminalSafeLine(text.replace(/\s+/g, " ").trim());
	const cut = line.length > maxLength ? `${line.slice(0, maxLength).replace(/[\ud800-\udbff]$/, "")}…` : line;
	return cut.replace(special, "\\$&");
}

const maxFailures = 50;
const maxReasons = 10;
const maxNames = 20;
/** GitHub rejects step summaries over 1 MB. */
const maxBytes = 600_000;

export const exportMarkdown: RunExport = function* (run) {
	const tally = new RunTally(run.run);
	const failures: string[] = [];
	let failed = 0;
	let bytes = 0;
	for (const outcome of caseOutcomes(run.rows, run.run)) {
		tally.add(outcome);
		if (outcome.status === "passed") continue;
		failed += 1;
		if (failures.length >= maxFailures || bytes > maxBytes) continue;
		const text = failure(outcome);
		bytes += Buffer.byteLength(text);
		failures.push(text);
	}
	const sum = tally.summary(run.summary?.durationMs);
	const origin = originSentence(run.run);
	const parts = [
		`## ${sum.passed === sum.planned ? "✅" : "❌"} ${title(run)}`,
		sentence(sum),
		...targetTable(tally),
		...(failed > 0 ? [`### What did not pass`, failures.join("\n")] : []),
		...(failed > failures.length ? [`…and ${failed - failures.length} more.`] : []),
		...(origin === undefined ? [] : [`${markdownText(origin)}.`]),
		`Run ${markdownText(run.name)} (${markdownText(run.run.experiment)}), started ${run.run.startedAt}${commit(run)}.`,
	];
	yield `${parts.join("\n\n")}\n`;
};

function title({ run: { evals } }: ExportedRun): string {
	const names = evals.slice(0, maxNames).map(({ name }) => markdownText(name));
	return `${names.join(", ")}${evals.length > maxNames ? ` and ${evals.length - maxNames} more` : ""}`;
}

function sentence(sum: Tallied): string {
	const strong = (text: string) => `**${text}**`;
	const unfinished = unfinishedSentence(sum);
	const text = withoutFormulas(sumSentence(sum, { passed: strong, failed: strong, error: strong, not_run: strong }));
	return unfinished === undefined ? text : `${text}\n\n${strong(`${unfinished}.`)}`;
}

/** Escapes dollar signs, because GitHub renders text between them as a formula. */
function withoutFormulas(text: string): string {
	return text.split("$").length > 2 ? text.replaceAll("$", "\\$") : text;
}

function commit({ run: { git } }: ExportedRun): string {
	return git ? `, commit ${git.commit.slice(0, 12)}${git.dirty ? " with changes" : ""}` : "";
}

function targetTable(tally: RunTally): string[] {
	const { header, rows } = targetCells(tally);
	const lines = rows.slice(0, maxNames).map(([name = "", ...cells]) => [markdownText(name), ...cells]);
	const table = [header, header.map((_, index) => (index === 0 ? "---" : "---:")), ...lines];
	return [
		table.map((cells) => `| ${cells.join(" | ")} |`).join("\n"),
		...(rows.length > maxNames ? [`…and ${rows.length - maxNames} more targets.`] : []),
	];
}

function failure(outcome: CaseOutcome): string {
	const { status, testId, target, attempts } = outcome;
	const words = status === "failed" ? scoreWords(outcome) : outcomeScore(outcome);
	const reasons = [...new Set(attempts.flatMap(failureReasons).map((reason) => markdownText(reason)))];
	const more = reasons.length > maxReasons ? [`  - …and ${reasons.length - maxReasons} more`] : [];
	return [
		`- **${markdownText(testId)}** (${markdownText(target)}): ${words}`,
		...reasons.slice(0, maxReasons).map((reason) => `  - ${reason}`),
		...more,
	].join("\n");
}

function scoreWords(outcome: CaseOutcome): string {
	const { score = 0, attempts } = outcome;
	const threshold = attempts[0]?.threshold ?? 0;
	return `score ${shortScore(score)}, threshold ${threshold}${attemptsPassed(outcome)}`;
}

const maxNamed = 5;

/**
 * Reports unreadable rows, so that no test is skipped silently.
 * @param run its name on the command line
 */
export function warnOfBadLines(run: string, lines: readonly number[], { stderr }: Context): void {
	if (lines.length === 0) return;
	const named = lines.slice(0, maxNamed).join(", ");
	const more = lines.length > maxNamed ? ` and ${lines.length - maxNamed} more` : "";
	const which =
		lines.length === 1 ? `line ${named} of its index.jsonl is` : `lines ${named}${more} of its index.jsonl are`;
	stderr.write(
		`${colorsFor(stderr).yellow("warning:")} ${terminalSafeLine(run)}: ${which} skipped, because no row can be read there\n`,
	);
}
