import type { CommandResult } from "../context.ts";
import { failureText } from "../run/failure-text.ts";
import { exitCodeOf, type RunReport, type RunReporter } from "../run/run-report.ts";
import { shownDirectory, sumText } from "../run/summary-text.ts";

const mostShown = 50;

/** For people: a table by target, what did not pass and why, a sum. Single tests were shown as they finished. */
export const runText: RunReporter = { allRows: false, report: write };

function write(report: RunReport): CommandResult {
	const { rows, tally, colors, columns, summary, runDir, cwd } = report;
	const broken = rows.filter(({ executionStatus }) => executionStatus !== "ok");
	const parts = rows.length + summary.passed > 0 ? [tally.table(colors, columns)] : [];
	if (broken.length > 0)
		parts.push(
			broken
				.slice(0, mostShown)
				.map((row) => failureText(row, colors))
				.join("\n"),
		);
	if (broken.length > mostShown)
		parts.push(
			colors.dim(`… and ${broken.length - mostShown} more: agentv results show ${shownDirectory(runDir, cwd)}`),
		);
	parts.push(
		[sumText(summary, colors), `Results: ${shownDirectory(runDir, cwd)}${partText(report)}`, ...hints(report)].join(
			"\n",
		),
	);
	return { text: `\n${parts.join("\n\n")}\n`, exitCode: exitCodeOf(report) };
}

const reasons = {
	interrupted: "Interrupted",
	bailed: "Stopped at the first that did not pass (--bail)",
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
		const parts = [onlyMissing, runDir].map((path) => shownDirectory(path, cwd)).join(" ");
		return [`Put them together: agentv results merge ${parts} --output <dir>`];
	}
	const why = reasons[outcome];
	return [colors.yellow(`${why}. Go on with it: agentv eval run --resume --run ${shownDirectory(runDir, cwd)}`)];
}
