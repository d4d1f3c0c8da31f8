import { type CaseOutcome, caseOutcomes, RunTally, testsNotRun } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import { shownWord } from "../matrix/shell-words.ts";
import { outcomeText } from "../run/failure-text.ts";
import { exitCodeOf, type RunReport, type RunReporter } from "../run/run-report.ts";
import { originSentence, shownDirectory, sumText } from "../run/summary-text.ts";
import { targetTable } from "../run/target-table.ts";

const mostShown = 50;

/** Reports targets, failures and a summary. Single tests were already shown as they finished. */
export const runText: RunReporter = (report): CommandResult => {
	const { colors, columns, summary, runDir, cwd } = report;
	const { tally, broken, more } = countedRun(report);
	const parts = testsNotRun(summary) < summary.planned ? [targetTable(tally, colors, columns)] : [];
	if (broken.length > 0) parts.push(broken.map((outcome) => outcomeText(outcome, colors)).join("\n"));
	if (more > 0) parts.push(colors.dim(`… and ${more} more: agentv results show ${shownDirectory(runDir, cwd)}`));
	const origin = originSentence(report.run.run);
	parts.push(
		[
			sumText(summary, colors),
			...(origin === undefined ? [] : [origin]),
			`Results: ${shownDirectory(runDir, cwd)}${partText(report)}`,
			...hints(report),
		].join("\n"),
	);
	return { text: `\n${parts.join("\n\n")}\n`, exitCode: exitCodeOf(report) };
};

/** Returns the first tests that did not pass and the number of others. Tests without attempts are only counted. */
function countedRun({ run: { rows, run } }: RunReport) {
	const tally = new RunTally(run);
	const broken: CaseOutcome[] = [];
	let more = 0;
	for (const outcome of caseOutcomes(rows, run)) {
		tally.add(outcome);
		if (outcome.status === "passed" || outcome.attempts.length === 0) continue;
		if (broken.length < mostShown) broken.push(outcome);
		else more += 1;
	}
	return { tally, broken, more };
}

const reasons = {
	interrupted: "Interrupted",
	bailed: "Stopped at the first failing test (--bail)",
	"over-budget": "Budget exhausted: remaining tests were not started",
};

function partText({ plan: { shard } }: RunReport): string {
	if (!shard) return "";
	return ` (shard ${shard.index}/${shard.count} of ${shard.whole.length} ${shard.whole.length === 1 ? "test" : "tests"})`;
}

function hints({ outcome, runDir, cwd, colors, plan }: RunReport): string[] {
	if (outcome === "complete") {
		const { onlyMissing } = plan.request;
		if (onlyMissing === undefined) return [];
		const parts = [onlyMissing, runDir].map((path) => shownWord(shownDirectory(path, cwd))).join(" ");
		return [`Merge the shards: agentv results merge ${parts} --output <dir>`];
	}
	const why = reasons[outcome];
	return [
		colors.yellow(`${why}. Resume with: agentv eval run --resume --run ${shownWord(shownDirectory(runDir, cwd))}`),
	];
}
