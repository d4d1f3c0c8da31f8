import type { CouldNotRun, Finding, Score } from "./contract.ts";
import { shareScore } from "./verdict.ts";

/** A measured amount and its limit. */
export interface Bound {
	readonly what: string;
	readonly unit: string;
	/** `undefined`: the target gave no such figure. */
	readonly actual: number | undefined;
	/** `undefined`: not limited, so not looked at. */
	readonly most: number | undefined;
}

/** What is known of the limits that a grader sets. */
export interface BoundFindings {
	readonly findings: readonly Finding[];
	/** What is limited, but not reported by the target. */
	readonly unknown: readonly string[];
}

/** Compares the amounts that are known with their limits; an amount that is not known is left out. */
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

/** The share of the limits that are kept, of those whose amount is known. With none of them there is nothing to grade by. */
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
