import { relative } from "node:path";
import { formatDuration, type ResultRow, type RunSummary, terminalSafeLine } from "@agentv/core";
import type { Colors } from "../terminal/colors.ts";
import { shortScore } from "./failure-text.ts";
import { displayWidth } from "./fit-line.ts";

interface TargetLine {
	readonly name: string;
	passed: number;
	failed: number;
	errors: number;
	score: number;
	scored: number;
	durationMs: number;
	costUsd: number | undefined;
}

/** Counts attempts by target as they finish. */
export class TargetTally {
	readonly #lines = new Map<string, TargetLine>();

	add(row: ResultRow): void {
		const line = this.#lines.get(row.target) ?? {
			...{ name: row.target, passed: 0, failed: 0, errors: 0, score: 0, scored: 0, durationMs: 0 },
			costUsd: undefined,
		};
		this.#lines.set(row.target, line);
		if (row.executionStatus === "execution_error") line.errors += 1;
		else {
			if (row.executionStatus === "ok") line.passed += 1;
			else line.failed += 1;
			line.score += row.score;
			line.scored += 1;
		}
		line.durationMs += row.durationMs;
		if (row.costUsd !== undefined) line.costUsd = (line.costUsd ?? 0) + row.costUsd;
	}

	/** A table with a line for each target; where that is too wide for `columns`, a few short lines for each. */
	table(colors: Colors, columns: number): string {
		const header = ["Target", "Passed", "Failed", "Errors", "Mean score", "Mean time", "Cost"];
		const cells = [...this.#lines.values()].map(cellsOf);
		const widths = header.map((_, column) =>
			Math.max(...[header, ...cells].map((row) => displayWidth(row[column] ?? ""))),
		);
		if (widths.reduce((sum, width) => sum + width + 2, -2) > columns) return cells.map(shortLines).join("\n");
		const layOut = (row: readonly string[]) =>
			row
				.map((cell, column) => {
					const room = " ".repeat((widths[column] ?? 0) - displayWidth(cell));
					return column === 0 ? cell + room : room + cell;
				})
				.join("  ");
		return [colors.dim(layOut(header)), ...cells.map(layOut)].join("\n");
	}
}

function cellsOf(line: TargetLine): string[] {
	return [
		terminalSafeLine(line.name),
		...[line.passed, line.failed, line.errors].map(String),
		line.scored === 0 ? "–" : shortScore(line.score / line.scored),
		formatDuration(line.durationMs / Math.max(1, line.passed + line.failed + line.errors)),
		costText(line.costUsd ?? null),
	];
}

function shortLines([name, passed, failed, errors, score, time, cost]: readonly string[]): string {
	return `${name}\n  ${passed} passed, ${failed} failed, ${errors} errors\n  mean score ${score}, time ${time}, cost ${cost}`;
}

/** How a summary's counts are emphasised, by what they count. */
export type Emphasis = Readonly<Record<"passed" | "failed" | "errors" | "left", (text: string) => string>>;

/** One sentence: how many tests, how they ended, score, time and cost. */
export function sumSentence(summary: RunSummary, emphasis: Emphasis): string {
	const { planned, passed, failed, errors, meanScore, durationMs, costUsd } = summary;
	const left = planned - passed - failed - errors;
	const counts = [
		emphasis.passed(`${passed} passed`),
		failed > 0 ? emphasis.failed(`${failed} failed`) : "0 failed",
		errors > 0 ? emphasis.errors(`${errors} could not be run`) : undefined,
		left > 0 ? emphasis.left(`${left} not run`) : undefined,
	].filter((part) => part !== undefined);
	const facts = [
		meanScore === null ? undefined : `mean score ${shortScore(meanScore)}`,
		formatDuration(durationMs),
		costUsd === null ? undefined : costText(costUsd),
	].filter((part) => part !== undefined);
	return `${planned} ${planned === 1 ? "test" : "tests"}: ${counts.join(", ")} · ${facts.join(" · ")}`;
}

/** The same for a terminal. */
export function sumText(summary: RunSummary, { green, red, magenta, yellow }: Colors): string {
	return sumSentence(summary, { passed: green, failed: red, errors: magenta, left: yellow });
}

/** What stands in its place while a run has no summary. */
export function unfinishedSentence(attempts: number, planned: number): string {
	return `Not finished: ${attempts} ${attempts === 1 ? "attempt" : "attempts"} of ${planned} ${planned === 1 ? "test" : "tests"}`;
}

export function costText(costUsd: number | null): string {
	if (costUsd === null) return "–";
	return `$${costUsd < 0.01 && costUsd > 0 ? costUsd.toFixed(4) : costUsd.toFixed(2)}`;
}

/** The path as seen from `cwd` where that is shorter. */
export function shownDirectory(path: string, cwd: string): string {
	const short = relative(cwd, path);
	return short.startsWith("..") || short === "" ? path : short;
}
