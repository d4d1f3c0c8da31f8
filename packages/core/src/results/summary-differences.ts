import { join } from "node:path";
import { pathKind } from "../io/files/stat-path.ts";
import { readSummary } from "../model/result-files.ts";
import type { RunSummary } from "../schema/result-row.ts";
import { toWireKey } from "../schema/wire-object.ts";
import type { AttemptId } from "./read-run.ts";
import type { Difference } from "./run-verification.ts";

/** What the rows add up to. */
interface Tally {
	readonly summary: RunSummary;
	readonly finished: number;
	readonly missing: readonly AttemptId[];
}

/** Where `summary.json` says something else than the rows add up to. The time that the run took can't be known from them. */
export function summaryDifferences(directory: string, { summary, finished, missing }: Tally): Difference[] {
	const recorded = withBounds(readSummary(directory));
	if (!recorded) {
		if (pathKind(join(directory, "summary.json")) !== "missing") return [{ kind: "summary-unreadable" }];
		// A run that was cut short has none yet.
		return finished === summary.planned ? [{ kind: "summary-missing" }] : [];
	}
	const counted = recorded.passed + recorded.failed + recorded.errors;
	const lost: Difference[] =
		counted < recorded.planned ? [] : missing.map((attempt) => ({ kind: "row-missing", attempt }));
	const names = Object.keys({ ...summary, ...recorded }) as (keyof RunSummary)[];
	const figures = names.filter((name) => name !== "durationMs" && !sameFigures(recorded[name], summary[name]));
	return [
		...lost,
		...figures.map((name): Difference => {
			return { kind: "summary", field: toWireKey(name), recorded: recorded[name], recomputed: summary[name] };
		}),
	];
}

/** Summaries of former versions have no lower bounds: what they say is that these are the means. */
function withBounds(summary: RunSummary | undefined): RunSummary | undefined {
	return summary && { errorsByAgent: 0, meanScoreLowerBound: summary.meanScore, ...summary };
}

/** Equal, but for the order in which fractions were added up. */
function sameFigures(one: unknown, other: unknown): boolean {
	if (typeof one === "number" && typeof other === "number")
		return Math.abs(one - other) <= 1e-9 * Math.max(1, Math.abs(one), Math.abs(other));
	if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return one === other;
	const left: Readonly<Record<string, unknown>> = { ...one };
	const right: Readonly<Record<string, unknown>> = { ...other };
	return Object.keys({ ...left, ...right }).every((key) => sameFigures(left[key], right[key]));
}
