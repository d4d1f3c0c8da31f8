import { relative } from "node:path";
import {
	attemptStatuses,
	boundedMeanText,
	type CaseOutcome,
	caseOutcomes,
	formatDuration,
	type OpenRun,
	outcomeWords,
	type ResultRow,
	type RowScore,
	type RunFile,
	RunTally,
	type ShardBudget,
	scoreMean,
	sumCosts,
	type Tallied,
	type TargetTally,
	tallyOf,
	terminalSafe,
	terminalSafeLine,
	testsNotRun,
} from "@agentv/core";
import stringWidth from "string-width";
import { shownWord } from "../exporters/matrix.ts";
import { fitLine } from "./fit-text.ts";
import type { RunReport, RunReporter } from "./run-report.ts";
import type { Colors } from "./terminal.ts";

/** Computes the summary also during a run, whose duration is only known at its end. */
export function sumOfRows({ run, rows, summary }: Pick<OpenRun, "run" | "rows" | "summary">): Tallied {
	return tallyOf(caseOutcomes(rows, run), run).summary(summary?.durationMs);
}

type Emphasis = Readonly<Record<keyof typeof outcomeWords, (text: string) => string>>;

/** Returns `4 passed`, `0 failed`, and if there are any, `1 not graded`, `2 not run`. */
export function countTexts(summary: Tallied, emphasis: Emphasis): string[] {
	const { passed, failed, errors } = summary;
	const left = testsNotRun(summary);
	return [
		passed > 0 ? emphasis.passed(`${passed} ${outcomeWords.passed}`) : `0 ${outcomeWords.passed}`,
		failed > 0 ? emphasis.failed(`${failed} ${outcomeWords.failed}`) : `0 ${outcomeWords.failed}`,
		...(errors > 0 ? [emphasis.error(`${errors} ${outcomeWords.error}`)] : []),
		...(left > 0 ? [emphasis.not_run(`${left} ${outcomeWords.not_run}`)] : []),
	];
}

export function sumSentence(summary: Tallied, emphasis: Emphasis): string {
	const { planned, durationMs } = summary;
	const mean = scoreMean(summary);
	const facts = [
		...(mean.lowerBound === null ? [] : [`mean score ${boundedMeanText(mean, shortScore)}`]),
		...(durationMs === undefined ? [] : [formatDuration(durationMs)]),
		...spendingTexts(runSpending(summary)),
	];
	const tests = `${planned} ${planned === 1 ? "test" : "tests"}`;
	return [`${tests}: ${countTexts(summary, emphasis).join(", ")}`, ...facts].join(" · ");
}

const asIs = (text: string) => text;
export const plainEmphasis: Emphasis = { passed: asIs, failed: asIs, error: asIs, not_run: asIs };

function colorEmphasis({ green, red, magenta, yellow }: Colors): Emphasis {
	return { passed: green, failed: red, error: magenta, not_run: yellow };
}

export function sumText(summary: Tallied, colors: Colors): string {
	return sumSentence(summary, colorEmphasis(colors));
}

/** Returns undefined if every planned test has a result. */
export function unfinishedSentence(summary: Tallied): string | undefined {
	const left = testsNotRun(summary);
	if (left === 0) return undefined;
	return `Not finished: ${left} of ${summary.planned} ${summary.planned === 1 ? "test" : "tests"} ${outcomeWords.not_run}`;
}

export function originSentence({ origin }: Pick<RunFile, "origin">): string | undefined {
	if (!origin) return undefined;
	const { kind, runId, path, graders } = origin;
	const from = `run ${runId} (${path})`;
	if (kind === "rerun_failed") return `Reruns the tests that did not pass in ${from}`;
	const by = graders ? ` by ${graders.join(", ")}` : "";
	return `Grades the answers of ${from} again${by}; times and costs of the target are from that run`;
}

export function shardBudgetText({ eval: label, usd, wholeUsd, tests, wholeTests }: ShardBudget): string {
	const whose = label === undefined ? "" : ` of ${label}`;
	return `Budget of this shard${whose}: ${costText(usd)}, its share (${tests} of ${wholeTests} tests) of ${costText(wholeUsd)}.`;
}

/** Returns a path relative to `cwd` if that is shorter. */
export function shownDirectory(path: string, cwd: string): string {
	const short = relative(cwd, path);
	return short.startsWith("..") || short === "" ? path : short;
}

const maxEvidence = 300;
const maxLines = 12;

/** Returns one line, plus the reasons of failed attempts. No final newline. */
export function outcomeText(outcome: CaseOutcome, colors: Colors): string {
	const { status, attempts, repeat } = outcome;
	const [only] = attempts;
	if (repeat.count === 1 && only) return status === "passed" ? attemptText(only, colors) : failureText(only, colors);
	const time = attempts.reduce((sum, { durationMs }) => sum + durationMs, 0);
	const title = `${fitLine(terminalSafeLine(outcome.testId), 200)} (${fitLine(terminalSafeLine(outcome.target), 80)})`;
	const spent = attempts.length > 0 ? `  ${colors.dim(formatDuration(time))}` : "";
	const broken = attempts.filter(({ executionStatus }) => executionStatus !== "ok");
	return [
		`${statusSign(status, colors)} ${status === "passed" ? title : colors.bold(title)}  ${outcomeScore(outcome)}${spent}`,
		...(status === "passed" ? [] : broken.map((row) => indented(failureText(row, colors, true)))),
	].join("\n");
}

/** Returns `0.33 < 0.80, 1 of 3 attempts passed`. */
export function outcomeScore(outcome: CaseOutcome): string {
	const { status, score, repeat, attempts } = outcome;
	if (status === "not_run")
		return repeat.count === 1
			? outcomeWords.not_run
			: `${outcomeWords.not_run}: ${attempts.length} of ${repeat.count} attempts were made`;
	if (status === "error") return `${outcomeWords.error}${attemptsPassed(outcome)}`;
	return `${scoreBeside(score ?? 0, attempts[0]?.threshold ?? 0, status === "passed")}${attemptsPassed(outcome)}`;
}

/** Returns `, 1 of 3 attempts passed`; empty for a test with one attempt. */
export function attemptsPassed({ repeat, attempts }: CaseOutcome): string {
	if (repeat.count === 1) return "";
	const passed = attempts.filter(({ executionStatus }) => executionStatus === "ok").length;
	return `, ${passed} of ${attempts.length} ${attempts.length === 1 ? "attempt" : "attempts"} passed`;
}

function indented(text: string): string {
	return text
		.split("\n")
		.map((line) => `    ${line}`)
		.join("\n");
}

/**
 * Explains why an attempt did not pass, and which assertions failed. No final newline.
 * @param isOneOfSeveral whether its test has several attempts
 */
function failureText(row: ResultRow, colors: Colors, isOneOfSeveral = false): string {
	const lines = [`${signOf(row, colors)} ${colors.bold(attemptTitle(row, isOneOfSeveral))}  ${scoreText(row)}`];
	if (row.error) lines.push(...errorLines(row.error, colors).map((line) => `    ${line}`));
	for (const score of row.scores) {
		const failed = score.assertions.filter(({ passed }) => !passed);
		if (score.verdict === "pass" && failed.length === 0) continue;
		lines.push(...graderLines(score, failed, colors).map((line) => `    ${line}`));
	}
	lines.push(...warningLines(row, colors).map((line) => `    ${line}`));
	if (row.workspacePath !== undefined) lines.push(colors.dim(`    workspace: ${terminalSafeLine(row.workspacePath)}`));
	return lines.join("\n");
}

/** Returns ` (caused by the agent)`; empty if unknown or implied by the stage. */
function causeText({ causedBy, stage }: NonNullable<ResultRow["error"]>): string {
	return causedBy === undefined || causedBy === stage ? "" : ` (caused by the ${causedBy})`;
}

export function failureReasons({ executionStatus, error, scores }: ResultRow): string[] {
	if (executionStatus === "ok") return [];
	const reasons = scores.flatMap((score) => [
		...(score.error ? [`${score.name}: ${outcomeWords.error}: ${score.error.message}`] : []),
		...(score.veto ? [`${score.name}: ${vetoText}`] : []),
		...score.assertions
			.filter(({ passed }) => !passed)
			.map(({ text, evidence }) => `${score.name}: ${text}${evidence ? ` — ${evidence}` : ""}`),
	]);
	return [...(error ? [`${error.stage}: ${error.message}${causeText(error)}`] : []), ...reasons];
}

export function errorLines(error: NonNullable<ResultRow["error"]>, colors: Colors): string[] {
	const [first = "", ...rest] = terminalSafe(error.message).split("\n").slice(0, maxLines);
	const by = causeText(error);
	const place = terminalSafeLine(`${error.stage}/${error.code}`);
	return [`${colors.dim(place)} ${first}${by && colors.dim(by)}`, ...rest.map((line) => `  ${line}`)];
}

export function graderLines(score: RowScore, findings: RowScore["assertions"], colors: Colors): string[] {
	const value = score.score === null ? outcomeWords.error : shortScore(score.score);
	const head = `${graderSign(score, colors)} ${terminalSafeLine(score.name)} ${colors.dim(terminalSafeLine(`${score.type} ${value}`))}`;
	return [
		`${head}${score.veto ? ` ${colors.red(vetoText)}` : ""}`,
		...(score.error
			? [`    ${colors.dim(terminalSafeLine(score.error.code))} ${cut(terminalSafeLine(score.error.message))}`]
			: []),
		...findings.map(({ text, passed, evidence }) => {
			const because = evidence === undefined ? "" : colors.dim(` — ${cut(terminalSafeLine(evidence))}`);
			return `    ${passed ? colors.green("✓") : colors.red("✗")} ${cut(terminalSafeLine(text))}${because}`;
		}),
	];
}

const vetoText = "vetoed the answer";

function graderSign({ verdict }: RowScore, colors: Colors): string {
	if (verdict === "not_judged") return statusSign("error", colors);
	return statusSign(verdict === "pass" ? "passed" : "failed", colors);
}

/** Returns `test-id (target)`, with the attempt if it is one of several. Cuts long ids. */
export function attemptTitle({ testId, target, attempt }: ResultRow, isOneOfSeveral = attempt > 1): string {
	return `${fitLine(terminalSafeLine(testId), 200)} (${fitLine(terminalSafeLine(target), 80)}${isOneOfSeveral ? `, attempt ${attempt}` : ""})`;
}

export function attemptText(row: ResultRow, colors: Colors): string {
	const line = `${signOf(row, colors)} ${attemptTitle(row)}  ${scoreText(row)}  ${colors.dim(formatDuration(row.durationMs))}`;
	return [line, ...warningLines(row, colors).map((warning) => `    ${warning}`)].join("\n");
}

export function warningLines({ warnings = [] }: ResultRow, colors: Colors): string[] {
	return warnings.map(({ message }) => colors.yellow(`! ${cut(terminalSafeLine(message))}`));
}

export function signOf({ executionStatus }: Pick<ResultRow, "executionStatus">, colors: Colors): string {
	return statusSign(attemptStatuses[executionStatus], colors);
}

export function statusSign(status: CaseOutcome["status"], colors: Colors): string {
	if (status === "passed") return colors.green("✓");
	if (status === "failed") return colors.red("✗");
	return status === "error" ? colors.magenta("!") : colors.yellow("–");
}

export function scoreText({ executionStatus, score, threshold }: ResultRow): string {
	if (executionStatus === "execution_error") return outcomeWords.error;
	return scoreBeside(score, threshold, executionStatus === "ok");
}

/** A failed test can have a passing score, if a veto or a required grader decided. */
function scoreBeside(score: number, threshold: number, passed: boolean): string {
	if (passed) return shortScore(score);
	return score < threshold
		? `${shortScore(score)} < ${shortScore(threshold)}`
		: `${shortScore(score)}, ${outcomeWords.failed}`;
}

/** Returns one line without markup. */
export function failureSentence({
	score,
	threshold,
	scores,
}: Pick<ResultRow, "score" | "threshold" | "scores">): string {
	const vetoes = scores.filter(({ veto }) => veto).map(({ name }) => name);
	if (score < threshold) return `score ${score} is below ${threshold}`;
	return vetoes.length > 0 ? `${vetoes.join(", ")} ${vetoText}` : `failed with a score of ${score}`;
}

/** Rounds down, so that a score just below 1 is not shown as 1. */
export function shortScore(score: number): string {
	return (score < 1 ? Math.floor(score * 100 + 1e-7) / 100 : score).toFixed(2);
}

function cut(text: string): string {
	return text.length > maxEvidence ? `${text.slice(0, maxEvidence)}…` : text;
}

/** Omits columns that are empty for all targets. */
interface TargetCells {
	readonly header: readonly string[];
	readonly rows: readonly (readonly string[])[];
}

export function targetCells(tally: RunTally): TargetCells {
	const targets = tally.targets();
	const hasNotRun = targets.some(({ summary }) => testsNotRun(summary) > 0);
	const hasJudging = targets.some(
		({ summary }) => summary.graderCostUsd !== undefined || summary.graderTokenUsage !== undefined,
	);
	const header = [
		...["Target", capital(outcomeWords.passed), capital(outcomeWords.failed), capital(outcomeWords.error)],
		...(hasNotRun ? [capital(outcomeWords.not_run)] : []),
		...["Mean score", "Mean time", "Cost"],
		...(hasJudging ? ["Judging"] : []),
	];
	return { header, rows: targets.map((target) => cellsOf(target, hasNotRun, hasJudging)) };
}

function cellsOf({ target, summary, meanDurationMs }: TargetTally, hasNotRun: boolean, hasJudging: boolean): string[] {
	const { passed, failed, errors } = summary;
	const { target: own, judging } = runSpending(summary);
	return [
		...[target, String(passed), String(failed), String(errors)],
		...(hasNotRun ? [String(testsNotRun(summary))] : []),
		boundedMeanText(scoreMean(summary), shortScore),
		meanDurationMs === undefined ? "–" : formatDuration(meanDurationMs),
		shortSpending({ costUsd: own.costUsd }),
		...(hasJudging ? [shortSpending(judging)] : []),
	];
}

function capital(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}

export function targetTable(tally: RunTally, colors: Colors, columns: number): string {
	const { header, rows } = targetCells(tally);
	const cells = rows.map(([name = "", ...more]) => [terminalSafeLine(name), ...more]);
	const widths = header.map((_, column) =>
		Math.max(...[header, ...cells].map((row) => stringWidth(row[column] ?? ""))),
	);
	if (widths.reduce((sum, width) => sum + width + 2, -2) > columns)
		return cells.map((row) => shortLines(row, header)).join("\n");
	const layOut = (row: readonly string[]) =>
		row
			.map((cell, column) => {
				const room = " ".repeat((widths[column] ?? 0) - stringWidth(cell));
				return column === 0 ? cell + room : room + cell;
			})
			.join("  ");
	return [colors.dim(layOut(header)), ...cells.map(layOut)].join("\n");
}

function shortLines([name = "", ...cells]: readonly string[], [, ...header]: readonly string[]): string {
	const facts = cells.map((cell, index) => [header[index]?.toLowerCase() ?? "", cell] as const);
	const score = facts.findIndex(([heading]) => heading === "mean score");
	const counts = facts.slice(0, score).map(([heading, cell]) => `${cell} ${heading}`);
	const figures = facts.slice(score).map(([heading, cell]) => `${heading} ${cell}`);
	return [name, counts.join(", "), figures.slice(0, 2).join(", "), figures.slice(2).join(", ")].join("\n  ");
}

type Usage = Pick<ResultRow, "tokenUsage" | "costUsd">;

/** Fields are undefined if not reported. */
interface Spending {
	readonly target: Usage;
	readonly judging: Usage;
}

export function runSpending(summary: Tallied): Spending {
	const { tokenUsage, costUsd, graderTokenUsage, graderCostUsd } = summary;
	return {
		target: { tokenUsage: tokenUsage ?? undefined, costUsd: costUsd ?? undefined },
		judging: { tokenUsage: graderTokenUsage, costUsd: graderCostUsd },
	};
}

export function rowSpending({ tokenUsage, costUsd, scores }: Usage & Pick<ResultRow, "scores">): Spending {
	return { target: { tokenUsage, costUsd }, judging: sumCosts(scores.flatMap(({ usage }) => usage ?? [])) };
}

/** Returns `$0.25 = target $0.20 + judging $0.05` and the same for tokens, as far as known. */
export function spendingTexts({ target, judging }: Spending): string[] {
	return [
		partsText(target.costUsd, judging.costUsd, costText, "cost"),
		partsText(tokensOf(target), tokensOf(judging), number, "tokens"),
	].flatMap((text) => text ?? []);
}

/** States a total only if both parts are known. */
function partsText(
	target: number | undefined,
	judging: number | undefined,
	textOf: (value: number) => string,
	unit: "cost" | "tokens",
): string | undefined {
	const named = (value: number) => (unit === "tokens" ? `${textOf(value)} tokens` : textOf(value));
	if (judging === undefined) return target === undefined ? undefined : named(target);
	if (target === undefined) return `judging ${named(judging)}, target ${unit} unknown`;
	return `${named(target + judging)} = target ${textOf(target)} + judging ${textOf(judging)}`;
}

function tokensOf({ tokenUsage }: Usage): number | undefined {
	return tokenUsage && tokenUsage.input + tokenUsage.output;
}

function shortSpending(usage: Usage): string {
	if (usage.costUsd !== undefined) return costText(usage.costUsd);
	return usage.tokenUsage ? tokensText(usage) : "–";
}

/** Returns `$0.20, 12,345 tokens (10,000 in, 2,345 out)`; undefined if neither is known. */
export function usageText(usage: Usage): string | undefined {
	const { tokenUsage, costUsd } = usage;
	const tokens =
		tokenUsage && `${tokensText(usage)} (${number(tokenUsage.input)} in, ${number(tokenUsage.output)} out)`;
	const parts = [costUsd === undefined ? undefined : costText(costUsd), tokens].filter((part) => part !== undefined);
	return parts.length === 0 ? undefined : parts.join(", ");
}

function tokensText(usage: Usage): string {
	return `${number(tokensOf(usage) ?? 0)} tokens`;
}

/** Shared, because exports format several numbers per row. */
const numbers = new Intl.NumberFormat("en-US");

function number(value: number): string {
	return value < 1000 ? String(value) : numbers.format(value);
}

function costText(costUsd: number | null): string {
	if (costUsd === null) return "–";
	return `$${costUsd < 0.01 && costUsd > 0 ? costUsd.toFixed(4) : costUsd.toFixed(2)}`;
}

const maxShown = 50;

/** Omits single tests, which were already shown as they finished. */
export const runText: RunReporter = (report) => {
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
	return { text: `\n${parts.join("\n\n")}\n` };
};

/** Returns the first tests that did not pass; those without attempts are only counted. */
function countedRun({ run: { rows, run } }: RunReport) {
	const tally = new RunTally(run);
	const broken: CaseOutcome[] = [];
	let more = 0;
	for (const outcome of caseOutcomes(rows, run)) {
		tally.add(outcome);
		if (outcome.status === "passed" || outcome.attempts.length === 0) continue;
		if (broken.length < maxShown) broken.push(outcome);
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
