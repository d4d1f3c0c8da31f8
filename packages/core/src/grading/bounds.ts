import type { CouldNotRun, Finding, Score } from "./contract.ts";
import { shareScore } from "./verdict.ts";

/** A measured amount and its limit. */
export interface Bound {
	readonly what: string;
	readonly unit: string;
	/** Undefined: the target did not report it. */
	readonly actual: number | undefined;
	/** Undefined: no limit, so it is not checked. */
	readonly most: number | undefined;
}

export interface BoundFindings {
	readonly findings: readonly Finding[];
	/** Limited figures that the target does not report. */
	readonly unknown: readonly string[];
}

/** Compares the known amounts with their limits; unknown amounts are skipped. */
export function boundFindings(bounds: readonly Bound[]): BoundFindings {
	const findings: Finding[] = [];
	const unknown: string[] = [];
	for (const { what, unit, actual, most } of bounds) {
		if (most === undefined) continue;
		const amount = (value: number) => `${Math.round(value * 1e6) / 1e6}${unit === "" ? "" : ` ${unit}`}`;
		if (actual === undefined || !Number.isFinite(actual)) unknown.push(what);
		else findings.push({ text: `${what}: at most ${amount(most)}`, passed: actual <= most, evidence: amount(actual) });
	}
	return { findings, unknown };
}

/** Returns the share of known amounts within their limits, if any amount is known. */
export function boundsScore({ findings, unknown }: BoundFindings): Score | CouldNotRun {
	if (findings.length === 0) return noData(unknown);
	const details = unknown.length > 0 ? { not_reported: unknown } : undefined;
	return shareScore(findings, details);
}

function noData(unknown: readonly string[]): CouldNotRun {
	if (unknown.length === 0) return { couldNotRun: { code: "no-data", message: "the grader sets no limit" } };
	const list = unknown.length === 1 ? unknown[0] : `${unknown.slice(0, -1).join(", ")} and ${unknown.at(-1)}`;
	return { couldNotRun: { code: "no-data", message: `the target does not report ${list}` } };
}
