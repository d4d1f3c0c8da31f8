import { resolve } from "node:path";
import {
	AgentvError,
	boundedMeanText,
	type CaseOutcome,
	caseOutcomes,
	compareRuns,
	describeSmallestEffect,
	type FingerprintPart,
	fingerprintParts,
	headRecord,
	listRuns,
	matchesGlob,
	mergeRuns,
	originRequest,
	outcomeWords,
	planRun,
	type RunHead,
	type RunReading,
	type RunRequest,
	readAttempt,
	readComparedRun,
	readRun,
	resolveRun,
	resolveRuns,
	scoreMean,
	signRun,
	tallyOf,
	terminalSafeLine,
	testsNotRun,
	toWireRow,
	toWireSummary,
	verifyRun,
} from "@agentv/core";
import { type CommandResult, type Context, version } from "../context.ts";
import { warnOfBadLines } from "../exporters/export.ts";
import { shownWord } from "../exporters/matrix.ts";
import { attemptDetailText } from "../output/attempt-detail.ts";
import { type ComparedRuns, compareJson, compareText, type NamedRun, unanswered } from "../output/compare.ts";
import { reportError } from "../output/error.ts";
import { tableColumns } from "../output/fit-text.ts";
import { type ReporterChoice, reportedRun } from "../output/reported-run.ts";
import {
	originSentence,
	outcomeScore,
	outcomeText,
	runSpending,
	shortScore,
	shownDirectory,
	spendingTexts,
	statusSign,
	sumText,
	targetTable,
	unfinishedSentence,
} from "../output/run.ts";
import { type AccessChoices, type RunChoices, requestOf } from "../output/run-report.ts";
import { type Colors, colorsFor } from "../output/terminal.ts";
import { mergeJson, mergeText, verifyJson, verifyText } from "../output/verify.ts";

interface ResultsListOptions {
	readonly limit: number;
	readonly offset: number;
	readonly experiment?: string;
	readonly json?: boolean;
}

export async function resultsList(options: ResultsListOptions, context: Context): Promise<CommandResult> {
	const { offset } = options;
	const { total, runs } = listRuns(context, options);
	if (options.json) return { text: `${JSON.stringify({ total, runs: runs.map(headRecord) }, null, 2)}\n`, exitCode: 0 };
	if (total === 0) return { text: "No runs yet. Run an eval: agentv eval run <eval>\n", exitCode: 0 };
	const colors = colorsFor(context.stdout);
	const width = Math.max(...runs.map(({ id }) => id.length), 3);
	const lines = runs.map(
		(run) => `${terminalSafeLine(run.id).padEnd(width)}  ${stateText(run, colors)}  ${colors.dim(whatText(run))}`,
	);
	const more =
		total > offset + runs.length
			? [colors.dim(`… ${total - offset - runs.length} more: --offset ${offset + runs.length}`)]
			: [];
	return { text: `${[...lines, ...more].join("\n")}\n`, exitCode: 0 };
}

function stateText({ state, summary, planned }: RunHead, colors: ReturnType<typeof colorsFor>): string {
	if (!summary) return colors.yellow(state);
	const { passed, failed, errors } = summary;
	const mean = scoreMean(summary);
	const left = testsNotRun(summary);
	const text = [
		`${passed}/${planned} ${outcomeWords.passed}`,
		...(errors > 0 ? [`${errors} ${outcomeWords.error}`] : []),
		...(left > 0 ? [`${left} ${outcomeWords.not_run}`] : []),
		...(state === "unfinished" ? ["unfinished"] : []),
	].join(", ");
	const facts = [
		...(mean.lowerBound === null ? [] : [boundedMeanText(mean, shortScore)]),
		...spendingTexts(runSpending(summary)).slice(0, 1),
	];
	return [failed + errors > 0 ? colors.red(text) : colors.green(text), ...facts].join("  ");
}

function whatText({ evals, targets, shard }: RunHead): string {
	const [first, ...others] = evals;
	const what = first ? `${first.file}${others.length > 0 ? ` and ${others.length} more` : ""}` : "";
	return terminalSafeLine(`${what} · ${targets.join(", ")}${shard ? ` · shard ${shard.index}/${shard.count}` : ""}`);
}

interface ResultsShowOptions {
	readonly test?: readonly string[];
	readonly json?: boolean;
}

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

interface CompareOptions {
	readonly vary?: readonly FingerprintPart[];
	readonly failOn?: "regression";
	readonly allowIncomparable?: boolean;
	readonly json?: boolean;
}

export async function resultsCompare(
	which: readonly string[],
	options: CompareOptions,
	context: Context,
): Promise<CommandResult> {
	const vary = fingerprintParts.filter((part) => options.vary?.includes(part));
	const [before, ...others] = openAll(which, context);
	if (!before || others.length === 0) throw new AgentvError("usage", "specify at least two runs to compare");
	const compared = others.map((after): ComparedRuns => {
		const comparison = compareRuns(before.run.cases, after.run.cases, new Set(vary));
		return { before, after, comparison, vary };
	});
	const exitCode = options.failOn ? await gate(compared, options.allowIncomparable === true, context) : 0;
	return { text: options.json ? compareJson(compared) : compareText(compared, context.stdout), exitCode };
}

function openAll(which: readonly string[], context: Context): NamedRun[] {
	return resolveRuns(which, context).map((directory, index) => {
		const run = readComparedRun(directory);
		const requested = which[index] ?? directory;
		const named = { run, name: requested === "latest" ? shownDirectory(directory, context.cwd) : requested };
		warnOfBadLines(named.name, run.badLines, context);
		warnOfState(named, context);
		return named;
	});
}

function warnOfState({ name, run: { state, cases, planned } }: NamedRun, context: Context): void {
	const have = `${cases.length} of ${planned} tests have results`;
	if (state === "under way") warn(`${name} is still running: ${have}`, context);
	else if (state === "unfinished") warn(`${name} did not finish: ${have}`, context);
	else if (cases.length < planned) warn(`${name} finished, but only ${have}`, context);
}

function warn(text: string, { stderr }: Context): void {
	stderr.write(`${colorsFor(stderr).yellow("warning:")} ${terminalSafeLine(text)}\n`);
}

/** Exits 1 for a significant regression. @throws AgentvError (exit 2) if no tests are comparable */
async function gate(
	compared: readonly ComparedRuns[],
	allowIncomparable: boolean,
	context: Context,
): Promise<CommandResult["exitCode"]> {
	const open = compared.find(({ comparison }) => comparison.atLeast.difference.tests === 0);
	if (open && !allowIncomparable) {
		const report = await reportError(unanswered(open), context);
		context.stderr.write(report.text);
		return report.exitCode;
	}
	for (const { after, comparison } of compared)
		if (comparison.atLeast.difference.tests > 0 && !comparison.atLeast.difference.interval)
			warn(`${after.name}: ${describeSmallestEffect(comparison.atLeast.difference)}`, context);
	return compared.some(({ comparison }) => comparison.atLeast.verdict === "worse") ? 1 : 0;
}

interface ResultsRegradeOptions
	extends ReporterChoice,
		AccessChoices,
		Pick<RunChoices, "graderTarget" | "test" | "targets" | "envFile" | "workers" | "budgetUsd" | "cache"> {
	readonly grader?: readonly string[];
	readonly eval?: readonly string[];
	readonly output?: string;
}

/** Grades the recorded answers of a run again, as a new run that records its origin. */
export async function resultsRegrade(
	which: string,
	options: ResultsRegradeOptions,
	context: Context,
): Promise<CommandResult> {
	const directory = resolveRun(which, context);
	const machine = { env: context.env, cwd: context.cwd, version };
	const plan = planRun(regradeRequest(directory, options, context), machine);
	const output = options.output === undefined ? {} : { output: resolve(context.cwd, options.output) };
	return reportedRun(plan, machine, output, options, context);
}

function regradeRequest(directory: string, options: ResultsRegradeOptions, context: Context): RunRequest {
	const evals = (options.eval ?? []).map((path) => resolve(context.cwd, path));
	return originRequest(directory, {
		...requestOf(evals, options, context, evals),
		regrade: { origin: directory, ...(options.grader ? { graders: options.grader } : {}) },
	});
}

export async function resultsSign(
	which: string,
	{ key }: { readonly key: string },
	context: Context,
): Promise<CommandResult> {
	const directory = resolveRun(which, context);
	const { env, cwd, signal } = context;
	const { digest, file } = await signRun(directory, resolve(cwd, key), { env, signal });
	return { text: `Signed: ${shownDirectory(file, cwd)}\ndigest ${digest}\n`, exitCode: 0 };
}

interface ResultsVerifyOptions {
	readonly json?: boolean;
	readonly printDigest?: boolean;
	readonly allowedSigners?: string;
	readonly signer?: string;
}

/** Checks records against each other and against grading the recorded answers again. */
export async function resultsVerify(
	which: string,
	{ json, printDigest, allowedSigners, signer }: ResultsVerifyOptions,
	context: Context,
): Promise<CommandResult> {
	if (signer !== undefined && allowedSigners === undefined)
		throw new AgentvError("usage", "--signer requires --allowed-signers FILE");
	const { env, signal } = context;
	const directory = resolveRun(which, context);
	const demand = allowedSigners && { allowedSigners: resolve(context.cwd, allowedSigners), signer, env, signal };
	const verified = await verifyRun(directory, { signal, env, ...(demand ? { signature: demand } : {}) });
	const { agrees } = verified;
	if (printDigest && agrees && !json) return { text: `${verified.digest}\n`, exitCode: 0 };
	const text = json
		? verifyJson(verified)
		: verifyText(verified, shownDirectory(directory, context.cwd), colorsFor(context.stdout));
	return { text, exitCode: agrees ? 0 : 1 };
}

interface ResultsMergeOptions {
	readonly output: string;
	readonly json?: boolean;
}

export async function resultsMerge(
	names: readonly string[],
	options: ResultsMergeOptions,
	context: Context,
): Promise<CommandResult> {
	const runs = names.map((name) => ({ name: name.replace(/(?<=[^/])\/+$/, ""), directory: resolveRun(name, context) }));
	const output = resolve(context.cwd, options.output);
	const merge = await mergeRuns(runs, output, context);
	const exitCode = merge.problems.length + merge.missing.tests.length === 0 ? 0 : 1;
	if (options.json) return { text: mergeJson(merge, output), exitCode };
	return { text: mergeText(merge, shownDirectory(output, context.cwd), colorsFor(context.stdout)), exitCode };
}
