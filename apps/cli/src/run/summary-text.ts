import { relative } from "node:path";
import { formatDuration, type ResultRow, type RunSummary, terminalSafeLine } from "@agentv/core";
import type { Colors } from "../terminal/colors.ts";
import { shortScore } from "./failure-text.ts";

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

	/** A table with a line for each target. */
	table(colors: Colors): string {
		const header = ["Target", "Passed", "Failed", "Errors", "Mean score", "Mean time", "Cost"];
		const cells = [...this.#lines.values()].map((line) => [
			terminalSafeLine(line.name),
			String(line.passed),
			String(line.failed),
			String(line.errors),
			line.scored === 0 ? "–" : shortScore(line.score / line.scored),
			formatDuration(line.durationMs / Math.max(1, line.passed + line.failed + line.errors)),
			costText(line.costUsd ?? null),
		]);
		const width = (column: number) => Math.max(...[header, ...cells].map((row) => row[column]?.length ?? 0));
		const layOut = (row: readonly string[]) =>
			row.map((cell, column) => (column === 0 ? cell.padEnd(width(0)) : cell.padStart(width(column)))).join("  ");
		return [colors.dim(layOut(header)), ...cells.map(layOut)].join("\n");
	}
}

/** One sentence: how many tests, how they ended, score, time and cost. */
export function sumText(summary: RunSummary, colors: Colors): string {
	const { planned, passed, failed, errors, meanScore, durationMs, costUsd } = summary;
	const left = planned - passed - failed - errors;
	const counts = [
		colors.green(`${passed} passed`),
		failed > 0 ? colors.red(`${failed} failed`) : "0 failed",
		errors > 0 ? colors.magenta(`${errors} could not be run`) : undefined,
		left > 0 ? colors.yellow(`${left} not run`) : undefined,
	].filter((part) => part !== undefined);
	const facts = [
		meanScore === null ? undefined : `mean score ${shortScore(meanScore)}`,
		formatDuration(durationMs),
		costUsd === null ? undefined : costText(costUsd),
	].filter((part) => part !== undefined);
	return `${planned} ${planned === 1 ? "test" : "tests"}: ${counts.join(", ")} · ${facts.join(" · ")}`;
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
