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

/** A test in one line; if it did not pass also why, for each of its attempts that did not. Ends without a newline. */
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

/** What the attempts of a test come to: `0.33 < 0.80, 1 of 3 attempts passed`. */
export function outcomeScore(outcome: CaseOutcome): string {
	const { status, score, repeat, attempts } = outcome;
	if (status === "not_run")
		return repeat.count === 1
			? outcomeWords.not_run
			: `${outcomeWords.not_run}: ${attempts.length} of ${repeat.count} attempts were made`;
	if (status === "error") return `${outcomeWords.error}${attemptsPassed(outcome)}`;
	return `${scoreBeside(score ?? 0, attempts[0]?.threshold ?? 0, status === "passed")}${attemptsPassed(outcome)}`;
}

/** `, 1 of 3 attempts passed`; empty for a test that is run once. */
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
 * An attempt that did not pass, for people: what it is, why, and which assertions failed. Ends without a newline.
 * @param isOneOfSeveral its test is run several times
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

/** ` (caused by the agent)`; empty if nothing is known of that, or the stage says it. */
export function causeText({ causedBy, stage }: NonNullable<ResultRow["error"]>): string {
	return causedBy === undefined || causedBy === stage ? "" : ` (caused by the ${causedBy})`;
}

/** Returns why an attempt did not pass, a plain line for each reason. */
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

/** Why an attempt is not graded: where it failed, with which code, and the message. */
export function errorLines(error: NonNullable<ResultRow["error"]>, colors: Colors): string[] {
	const [first = "", ...rest] = terminalSafe(error.message).split("\n").slice(0, mostLines);
	const by = causeText(error);
	const place = terminalSafeLine(`${error.stage}/${error.code}`);
	return [`${colors.dim(place)} ${first}${by && colors.dim(by)}`, ...rest.map((line) => `  ${line}`)];
}

/** A grader with its score, its veto or its error, then what it found. */
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

/** What a grader with a veto says: its score would pass. */
export const vetoText = "states that the answer fails";

function graderSign({ verdict }: RowScore, colors: Colors): string {
	if (verdict === "not_judged") return statusSign("error", colors);
	return statusSign(verdict === "pass" ? "passed" : "failed", colors);
}

/** `test-id (target)`, with the attempt if it is known to be one of several. An id may be a whole page. */
export function attemptTitle({ testId, target, attempt }: ResultRow, isOneOfSeveral = attempt > 1): string {
	return `${fitLine(terminalSafeLine(testId), 200)} (${fitLine(terminalSafeLine(target), 80)}${isOneOfSeveral ? `, attempt ${attempt}` : ""})`;
}

/** An attempt in one line, and what went wrong around it. */
export function attemptText(row: ResultRow, colors: Colors): string {
	const line = `${signOf(row, colors)} ${attemptTitle(row)}  ${scoreText(row)}  ${colors.dim(formatDuration(row.durationMs))}`;
	return [line, ...warningLines(row, colors).map((warning) => `    ${warning}`)].join("\n");
}

/** What went wrong without changing the result: after-hooks that failed. */
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

/** A failed test may have a score that would pass: a grader's statement or a required grader decided then. */
function scoreBeside(score: number, threshold: number, passed: boolean): string {
	if (passed) return shortScore(score);
	return score < threshold
		? `${shortScore(score)} < ${shortScore(threshold)}`
		: `${shortScore(score)}, ${outcomeWords.failed}`;
}

/** Why a judged attempt failed, in one line without markup. */
export function failureSentence({
	score,
	threshold,
	scores,
}: Pick<ResultRow, "score" | "threshold" | "scores">): string {
	const vetoes = scores.filter(({ veto }) => veto).map(({ name }) => name);
	if (score < threshold) return `score ${score} is below ${threshold}`;
	return vetoes.length > 0 ? `${vetoes.join(", ")} ${vetoText}` : `failed with a score of ${score}`;
}

/** Two digits; a score just below 1 does not read as 1. */
export function shortScore(score: number): string {
	return (score < 1 ? Math.floor(score * 100 + 1e-7) / 100 : score).toFixed(2);
}

function cut(text: string): string {
	return text.length > longestEvidence ? `${text.slice(0, longestEvidence)}…` : text;
}
