import {
	attemptStatuses,
	type CaseOutcome,
	formatDuration,
	outcomeWords,
	type ResultRow,
	type RowScore,
	terminalSafe,
	terminalSafeLine,
} from "@agentv/core";
import type { Colors } from "../terminal/colors.ts";
import { fitLine } from "./fit-line.ts";

const longestEvidence = 300;
const mostLines = 12;

/** Describes a test in one line, plus the reasons of failed attempts. No final newline. */
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

/** Summarizes a test's attempts: `0.33 < 0.80, 1 of 3 attempts passed`. */
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
 * Describes an attempt that did not pass: why, and which assertions failed. No final newline.
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
export function causeText({ causedBy, stage }: NonNullable<ResultRow["error"]>): string {
	return causedBy === undefined || causedBy === stage ? "" : ` (caused by the ${causedBy})`;
}

/** Returns why an attempt did not pass, one plain line per reason. */
export function failureReasons({ executionStatus, error, scores }: ResultRow): string[] {
	if (executionStatus === "ok") return [];
	const found = scores.flatMap((score) => [
		...(score.error ? [`${score.name}: ${outcomeWords.error}: ${score.error.message}`] : []),
		...(score.veto ? [`${score.name}: ${vetoText}`] : []),
		...score.assertions
			.filter(({ passed }) => !passed)
			.map(({ text, evidence }) => `${score.name}: ${text}${evidence ? ` — ${evidence}` : ""}`),
	]);
	return [...(error ? [`${error.stage}: ${error.message}${causeText(error)}`] : []), ...found];
}

/** Describes why an attempt was not graded: stage, code and message. */
export function errorLines(error: NonNullable<ResultRow["error"]>, colors: Colors): string[] {
	const [first = "", ...rest] = terminalSafe(error.message).split("\n").slice(0, mostLines);
	const by = causeText(error);
	const place = terminalSafeLine(`${error.stage}/${error.code}`);
	return [`${colors.dim(place)} ${first}${by && colors.dim(by)}`, ...rest.map((line) => `  ${line}`)];
}

/** Lists a grader with its score, veto or error, then its findings. */
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

/** Shown for a grader's veto, when its score would pass. */
export const vetoText = "vetoed the answer";

function graderSign({ verdict }: RowScore, colors: Colors): string {
	if (verdict === "not_judged") return statusSign("error", colors);
	return statusSign(verdict === "pass" ? "passed" : "failed", colors);
}

/** Returns `test-id (target)`, with the attempt if it is one of several. Cuts long ids. */
export function attemptTitle({ testId, target, attempt }: ResultRow, isOneOfSeveral = attempt > 1): string {
	return `${fitLine(terminalSafeLine(testId), 200)} (${fitLine(terminalSafeLine(target), 80)}${isOneOfSeveral ? `, attempt ${attempt}` : ""})`;
}

/** Describes an attempt in one line, followed by its warnings. */
export function attemptText(row: ResultRow, colors: Colors): string {
	const line = `${signOf(row, colors)} ${attemptTitle(row)}  ${scoreText(row)}  ${colors.dim(formatDuration(row.durationMs))}`;
	return [line, ...warningLines(row, colors).map((warning) => `    ${warning}`)].join("\n");
}

/** Lists problems that did not change the result: failed after-hooks. */
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

/** Describes why a judged attempt failed, in one line without markup. */
export function failureSentence({
	score,
	threshold,
	scores,
}: Pick<ResultRow, "score" | "threshold" | "scores">): string {
	const vetoes = scores.filter(({ veto }) => veto).map(({ name }) => name);
	if (score < threshold) return `score ${score} is below ${threshold}`;
	return vetoes.length > 0 ? `${vetoes.join(", ")} ${vetoText}` : `failed with a score of ${score}`;
}

/** Formats two digits, rounded so that a score just below 1 is not shown as 1. */
export function shortScore(score: number): string {
	return (score < 1 ? Math.floor(score * 100 + 1e-7) / 100 : score).toFixed(2);
}

function cut(text: string): string {
	return text.length > longestEvidence ? `${text.slice(0, longestEvidence)}…` : text;
}
