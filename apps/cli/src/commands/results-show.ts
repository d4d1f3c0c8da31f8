import { matchesGlob, readRun, resolveRun, toWireRow, toWireSummary } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { attemptText, failureText } from "../run/failure-text.ts";
import { gatheredOf } from "../run/follow-run.ts";
import { shownDirectory, sumText, unfinishedSentence } from "../run/summary-text.ts";
import { colorsFor } from "../terminal/colors.ts";
import { tableColumns } from "../terminal/table-columns.ts";

interface ResultsShowOptions {
	readonly test?: readonly string[];
	readonly json?: boolean;
}

/** `agentv results show`: the tests of a run, and why those failed that did. */
export async function resultsShow(
	which: string,
	{ test, json }: ResultsShowOptions,
	context: Context,
): Promise<CommandResult> {
	const { directory, run, summary, rows: all } = readRun(resolveRun(which, context));
	const rows = test ? all.filter(({ testId }) => test.some((glob) => matchesGlob(testId, glob))) : all;
	if (json) {
		const document = {
			run_dir: directory,
			summary: summary ? toWireSummary(summary) : null,
			results: rows.map(toWireRow),
		};
		return { text: `${JSON.stringify(document, null, 2)}\n`, exitCode: 0 };
	}
	const colors = colorsFor(context.stdout);
	const head = `${run.evals.map(({ file }) => file).join(", ")}  ${colors.dim(`${run.experiment} · ${run.startedAt} · ${shownDirectory(directory, context.cwd)}`)}`;
	const tests = rows.map((row) => (row.executionStatus === "ok" ? attemptText(row, colors) : failureText(row, colors)));
	const end = summary
		? sumText(summary, colors)
		: colors.yellow(
				`${unfinishedSentence(rows.length, run.planned.length)}. Go on with it: agentv eval run --resume --run ${shownDirectory(directory, context.cwd)}`,
			);
	const parts = [
		head,
		tests.join("\n"),
		...(rows.length > 0 ? [gatheredOf(rows, false).tally.table(colors, tableColumns(context.stdout))] : []),
		end,
	];
	return { text: `${parts.filter((part) => part !== "").join("\n\n")}\n`, exitCode: 0 };
}
