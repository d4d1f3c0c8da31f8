import {
	type AttemptFile,
	attemptStatuses,
	formatDuration,
	outcomeWords,
	type ResultRow,
	terminalSafe,
	terminalSafeLine,
} from "@agentv/core";
import {
	attemptTitle,
	errorLines,
	graderLines,
	rowSpending,
	scoreText,
	signOf,
	spendingTexts,
	usageText,
	warningLines,
} from "./run.ts";
import type { Colors } from "./terminal.ts";

/** Longer texts are cut; the attempt's file contains them in full. */
const maxText = 4000;
const maxLines = 40;

/**
 * Returns all details of an attempt, without a final newline.
 * @param file undefined if it can't be read
 * @param isOneOfSeveral whether its test has several attempts
 */
export function attemptDetailText(
	row: ResultRow,
	file: AttemptFile | undefined,
	isOneOfSeveral: boolean,
	colors: Colors,
): string {
	const status = outcomeWords[attemptStatuses[row.executionStatus]];
	const verdict = status === scoreText(row) ? status : `${status}  ${scoreText(row)}`;
	return [
		`${signOf(row, colors)} ${colors.bold(attemptTitle(row, isOneOfSeveral))}  ${verdict}`,
		...[
			...factLines(row, colors),
			...(row.error ? section("error", errorLines(row.error, colors), colors) : []),
			...warningLines(row, colors),
			...section("graders", graders(row, colors), colors),
			...(file ? section("input", textLines(inputText(file.input)), colors) : []),
			...(file ? section("output", outputLines(file), colors) : []),
			...logLines(file, colors),
			...(row.file === undefined ? [] : [colors.dim(`record: ${terminalSafeLine(row.file)}`)]),
			...(file ? [] : [colors.yellow("! the attempt's file can't be read: showing its row")]),
		].map((line) => `    ${line}`),
	].join("\n");
}

function graders({ scores }: ResultRow, colors: Colors): string[] {
	return scores.flatMap((score) => graderLines(score, score.assertions, colors));
}

function factLines(row: ResultRow, colors: Colors): string[] {
	const { target, judging } = rowSpending(row);
	const facts: [string, string | undefined][] = [
		["eval", terminalSafeLine(row.eval)],
		["time", timeText(row)],
		["target", usageText(target)],
		["judging", usageText(judging)],
		["total", judging.costUsd === undefined ? undefined : spendingTexts({ target, judging })[0]],
		["stop reason", row.stopReason === undefined ? undefined : terminalSafeLine(row.stopReason)],
		["from cache", row.cached && (cachedText(row.cached) ?? "yes")],
		["rerun", row.rerun === undefined ? undefined : rerunText],
		["workspace", row.workspacePath === undefined ? undefined : terminalSafeLine(row.workspacePath)],
	];
	return facts.flatMap(([name, text]) => (text === undefined ? [] : [`${colors.dim(name.padEnd(11))} ${text}`]));
}

const rerunText = "rerun, because something that it depends on had changed";

/** Returns `target 1.2s, prepare 10ms, grade 3ms`; the target's time is the one that it reports. */
function timeText({ durationMs, timingsMs }: Pick<ResultRow, "durationMs" | "timingsMs">): string {
	const { target: _, ...others } = timingsMs ?? {};
	const stages = Object.entries(others).filter(([, ms]) => ms >= 0.5);
	return [`target ${formatDuration(durationMs)}`, ...stages.map(([name, ms]) => `${name} ${formatDuration(ms)}`)].join(
		", ",
	);
}

function cachedText({ durationMs, ...usage }: NonNullable<ResultRow["cached"]>): string | undefined {
	const used = usageText(usage);
	const took = durationMs === undefined ? undefined : formatDuration(durationMs);
	const parts = [used, took].filter((part) => part !== undefined);
	return parts.length === 0 ? undefined : `originally took ${parts.join(", ")}`;
}

function section(title: string, lines: readonly string[], colors: Colors): string[] {
	return lines.length === 0 ? [] : [colors.dim(title), ...lines.map((line) => `  ${line}`)];
}

function outputLines({ output, outputPath }: AttemptFile): string[] {
	if (output !== null) return textLines(output);
	return outputPath === undefined ? [] : [`in ${terminalSafeLine(outputPath)}`];
}

function logLines(file: AttemptFile | undefined, colors: Colors): string[] {
	return (file?.logs ?? []).flatMap(({ stage, name, text, omitted }) => {
		const left = omitted === undefined ? "" : `, ${omitted.toLocaleString("en-US")} characters left out`;
		return section(`log of ${terminalSafeLine(`${stage}: ${name}`)}${left}`, textLines(text), colors);
	});
}

/** Makes text of a program or model safe for a terminal, and cuts it. */
function textLines(text: string): string[] {
	const lines = terminalSafe(text.slice(0, maxText))
		.replace(/(?<!\n)\n+$/, "")
		.split("\n");
	const shown = lines.slice(0, maxLines);
	const isCut = text.length > maxText || lines.length > maxLines;
	if (text.trim() === "") return [];
	return isCut ? [...shown, `… ${text.length.toLocaleString("en-US")} characters in all`] : shown;
}

function inputText(input: unknown): string {
	if (typeof input === "string") return input;
	if (!Array.isArray(input)) return JSON.stringify(input, null, 2) ?? "";
	return input.map(messageText).join("\n\n");
}

function messageText(message: { readonly role?: unknown; readonly content?: unknown }): string {
	const { role, content } = message;
	const pieces = Array.isArray(content) ? content : [content];
	const lines = pieces.map((piece) => {
		if (typeof piece === "string") return piece;
		const { type, value } = (piece ?? {}) as { readonly type?: unknown; readonly value?: unknown };
		return type === "text" ? String(value) : `[${type}: ${value}]`;
	});
	return `[${role}]\n${lines.join("\n")}`;
}
