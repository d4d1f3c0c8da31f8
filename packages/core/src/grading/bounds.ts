import type { Finding, Score } from "./contract.ts";
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

/** The share of the given limits that are kept; an amount that nobody measured keeps none. */
export function boundsScore(bounds: readonly Bound[]): Score {
	return shareScore(bounds.flatMap((bound) => boundFinding(bound) ?? []));
}

function boundFinding({ what, unit, actual, most }: Bound): Finding | undefined {
	if (most === undefined) return undefined;
	const amount = (value: number) => `${Math.round(value * 1e6) / 1e6}${unit === "" ? "" : ` ${unit}`}`;
	const text = `${what}: at most ${amount(most)}`;
	if (actual === undefined) return { text, passed: false, evidence: `the target reports no ${what}` };
	return { text, passed: actual <= most, evidence: amount(actual) };
}
