import {
	boundedMeanText,
	formatDuration,
	outcomeWords,
	type RunTally,
	scoreMean,
	type TargetTally,
	terminalSafeLine,
	testsNotRun,
} from "@agentv/core";
import type { Colors } from "../terminal/colors.ts";
import { shortScore } from "./failure-text.ts";
import { displayWidth } from "./fit-line.ts";
import { runSpending, shortSpending } from "./spending-text.ts";

/** A table of targets. Columns that are empty for all targets are omitted. */
export interface TargetCells {
	readonly header: readonly string[];
	/** The target's name comes first. */
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

export function capital(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Formats a line per target, or a few short lines each if the table is wider than `columns`. */
export function targetTable(tally: RunTally, colors: Colors, columns: number): string {
	const { header, rows } = targetCells(tally);
	const cells = rows.map(([name = "", ...more]) => [terminalSafeLine(name), ...more]);
	const widths = header.map((_, column) =>
		Math.max(...[header, ...cells].map((row) => displayWidth(row[column] ?? ""))),
	);
	if (widths.reduce((sum, width) => sum + width + 2, -2) > columns)
		return cells.map((row) => shortLines(row, header)).join("\n");
	const layOut = (row: readonly string[]) =>
		row
			.map((cell, column) => {
				const room = " ".repeat((widths[column] ?? 0) - displayWidth(cell));
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
