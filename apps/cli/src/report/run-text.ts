import { type CaseOutcome, caseOutcomes, RunTally, testsNotRun } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import { shownWord } from "../matrix/shell-words.ts";
import { outcomeText } from "../run/failure-text.ts";
import { exitCodeOf, type RunReport, type RunReporter } from "../run/run-report.ts";
import { originSentence, shownDirectory, sumText } from "../run/summary-text.ts";
import { targetTable } from "../run/target-table.ts";

const mostShown = 50;

/** For people: a table by target, what did not pass and why, a sum. Single tests were shown as they finished. */
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

/** The first tests that did not pass, and how many more there are. Those without any attempt are only counted. */
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
	bailed: "Stopped at the first test that did not pass (--bail)",
	"over-budget": "Stopped starting tests: the budget is spent",
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
		return [`Put them together: agentv results merge ${parts} --output <dir>`];
	}
	const why = reasons[outcome];
	return [
		colors.yellow(`${why}. Go on with it: agentv eval run --resume --run ${shownWord(shownDirectory(runDir, cwd))}`),
	];
}
