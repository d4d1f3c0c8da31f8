import {
	AgentvError,
	type CaseOutcome,
	caseOutcomes,
	matchesGlob,
	type RunReading,
	readAttempt,
	readRun,
	resolveRun,
	tallyOf,
	terminalSafeLine,
	testsNotRun,
	toWireRow,
	toWireSummary,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { shownWord } from "../matrix/shell-words.ts";
import { attemptDetailText } from "../run/attempt-detail-text.ts";
import { outcomeScore, outcomeText, statusSign } from "../run/failure-text.ts";
import { originSentence, shownDirectory, sumText, unfinishedSentence } from "../run/summary-text.ts";
import { targetTable } from "../run/target-table.ts";
import { type Colors, colorsFor } from "../terminal/colors.ts";
import { tableColumns } from "../terminal/table-columns.ts";

interface ResultsShowOptions {
	readonly test?: readonly string[];
	readonly json?: boolean;
}

/** Shows a run's tests and why they failed; with `--test`, all details of the matching tests. */
export async function resultsShow(
	which: string,
	options: ResultsShowOptions,
	context: Context,
): Promise<CommandResult> {
	const reading = readRun(resolveRun(which, context));
	const { test: globs, json } = options;
	const isShown = ({ testId }: { readonly testId: string }) =>
		globs === undefined || globs.some((glob) => matchesGlob(testId, glob));
	if (globs !== undefined && !reading.rows.some(isShown))
		throw new AgentvError("not-found", `no test of the run matches ${globs.map((glob) => `--test ${glob}`).join(" ")}`);
	if (json) return jsonDocument(reading, isShown);
	const { directory, run, summary, rows } = reading;
	const outcomes = [...caseOutcomes(rows, run)];
	const tally = tallyOf(outcomes, run);
	const colors = colorsFor(context.stdout);
	const shown = outcomes.filter(isShown);
	const tests =
		globs === undefined
			? shown.map((outcome) => outcomeText(outcome, colors)).join("\n")
			: shown.map((outcome) => detailText(outcome, directory, colors)).join("\n\n");
	const sum = tally.summary(summary?.durationMs);
	const parts = [
		heading(reading, context, colors),
		tests,
		...(testsNotRun(sum) < sum.planned ? [targetTable(tally, colors, tableColumns(context.stdout))] : []),
		[sumText(sum, colors), ...unfinished(reading, unfinishedSentence(sum), context, colors)].join("\n"),
	];
	return { text: `${parts.filter((part) => part !== "").join("\n\n")}\n`, exitCode: 0 };
}

function jsonDocument(
	{ directory, summary, rows }: RunReading,
	isShown: (row: RunReading["rows"][number]) => boolean,
): CommandResult {
	const document = {
		run_dir: directory,
		summary: summary ? toWireSummary(summary) : null,
		results: rows.filter(isShown).map(toWireRow),
	};
	return { text: `${JSON.stringify(document, null, 2)}\n`, exitCode: 0 };
}

function heading({ directory, run }: RunReading, { cwd }: Context, colors: Colors): string {
	const about = `${run.experiment} · ${run.startedAt} · ${shownDirectory(directory, cwd)}`;
	const origin = originSentence(run);
	return [
		`${terminalSafeLine(run.evals.map(({ file }) => file).join(", "))}  ${colors.dim(terminalSafeLine(about))}`,
		...(origin === undefined ? [] : [colors.dim(terminalSafeLine(origin))]),
	].join("\n");
}

/** Returns a test with all details of its attempts. */
function detailText(outcome: CaseOutcome, directory: string, colors: Colors): string {
	const { attempts, repeat, status } = outcome;
	if (attempts.length === 0) return outcomeText(outcome, colors);
	const details = attempts.map((row) =>
		attemptDetailText(
			row,
			row.file === undefined ? undefined : readAttempt(directory, row.file),
			repeat.count > 1,
			colors,
		),
	);
	if (repeat.count === 1) return details.join("\n");
	const title = terminalSafeLine(`${outcome.testId} (${outcome.target})`);
	const how = `${attempts.length} of ${repeat.count} attempts, combined by ${repeat.strategy}`;
	return [
		`${statusSign(status, colors)} ${colors.bold(title)}  ${outcomeScore(outcome)}  ${colors.dim(how)}`,
		...details,
	].join("\n");
}

function unfinished(
	{ directory }: RunReading,
	sentence: string | undefined,
	{ cwd }: Context,
	colors: Colors,
): string[] {
	if (sentence === undefined) return [];
	const command = `agentv eval run --resume --run ${shownWord(shownDirectory(directory, cwd))}`;
	return [colors.yellow(terminalSafeLine(`${sentence}. Resume with: ${command}`))];
}
