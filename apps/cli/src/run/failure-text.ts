import { formatDuration, type ResultRow, terminalSafe, terminalSafeLine } from "@agentv/core";
import type { Colors } from "../terminal/colors.ts";
import { fitLine } from "./fit-line.ts";

const longestEvidence = 300;
const mostLines = 12;

/** An attempt that did not pass, for people: what it is, why, and which assertions failed. Ends without a newline. */
export function failureText(row: ResultRow, colors: Colors): string {
	const lines = [`${signOf(row, colors)} ${colors.bold(attemptTitle(row))}  ${scoreText(row)}`];
	if (row.error) {
		const { stage, code, message } = row.error;
		const [first = "", ...rest] = terminalSafe(message).split("\n").slice(0, mostLines);
		lines.push(`    ${colors.dim(`${stage}/${code}`)} ${first}`, ...rest.map((line) => `      ${line}`));
	}
	for (const score of row.scores) {
		const failed = score.assertions.filter(({ passed }) => !passed);
		if (score.verdict === "pass" && failed.length === 0) continue;
		lines.push(
			`    ${graderSign(score, colors)} ${terminalSafeLine(score.name)} ${colors.dim(`${score.type} ${score.score === null ? "not judged" : shortScore(score.score)}`)}`,
		);
		if (score.error)
			lines.push(`        ${colors.dim(score.error.code)} ${cut(terminalSafeLine(score.error.message))}`);
		for (const { text, evidence } of failed) {
			const because = evidence === undefined ? "" : colors.dim(` — ${cut(terminalSafeLine(evidence))}`);
			lines.push(`        ${colors.red("✗")} ${cut(terminalSafeLine(text))}${because}`);
		}
	}
	lines.push(...warningLines(row, colors).map((line) => `    ${line}`));
	if (row.workspacePath !== undefined) lines.push(colors.dim(`    workspace: ${terminalSafeLine(row.workspacePath)}`));
	return lines.join("\n");
}

function graderSign({ verdict }: ResultRow["scores"][number], colors: Colors): string {
	if (verdict === "not_judged") return colors.magenta("!");
	return verdict === "pass" ? colors.green("✓") : colors.red("✗");
}

/** `test-id (target)`, with the attempt where it is not the first. An id may be a whole page. */
export function attemptTitle({ testId, target, attempt }: ResultRow): string {
	return `${fitLine(terminalSafeLine(testId), 200)} (${fitLine(terminalSafeLine(target), 80)}${attempt > 1 ? `, attempt ${attempt}` : ""})`;
}

/** An attempt in one line, and what went wrong around it. */
export function attemptText(row: ResultRow, colors: Colors): string {
	const line = `${signOf(row, colors)} ${attemptTitle(row)}  ${scoreText(row)}  ${colors.dim(formatDuration(row.durationMs))}`;
	return [line, ...warningLines(row, colors).map((warning) => `    ${warning}`)].join("\n");
}

/** What went wrong without changing the result: after-hooks that failed. */
function warningLines({ warnings = [] }: ResultRow, colors: Colors): string[] {
	return warnings.map(({ message }) => colors.yellow(`! ${cut(terminalSafeLine(message))}`));
}

export function signOf({ executionStatus }: Pick<ResultRow, "executionStatus">, colors: Colors): string {
	if (executionStatus === "ok") return colors.green("✓");
	return executionStatus === "execution_error" ? colors.magenta("!") : colors.red("✗");
}

export function scoreText({ executionStatus, score, threshold }: ResultRow): string {
	if (executionStatus === "execution_error") return "not judged";
	return executionStatus === "ok" ? shortScore(score) : `${shortScore(score)} < ${shortScore(threshold)}`;
}

/** Two digits; a score just below 1 does not read as 1. */
export function shortScore(score: number): string {
	return (score < 1 ? Math.floor(score * 100 + 1e-7) / 100 : score).toFixed(2);
}

function cut(text: string): string {
	return text.length > longestEvidence ? `${text.slice(0, longestEvidence)}…` : text;
}
