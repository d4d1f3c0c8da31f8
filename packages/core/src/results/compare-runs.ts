import type { Fingerprint } from "../schema/result-row.ts";
import { type CaseScore, caseKey } from "./case-scores.ts";
import { type MeanDifference, meanDifference } from "./mean-difference.ts";

export const fingerprintParts = ["test", "graders", "workspace", "hooks", "target"] as const;
export type FingerprintPart = keyof Fingerprint;

/** A case that both runs have with equal fingerprints. */
export interface ComparableCase {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	readonly before: number;
	readonly after: number;
	/** after − before. */
	readonly delta: number;
}

/** A case that both runs have, but whose scores mean different things. */
export interface ChangedCase {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** What differs; empty where a row has no fingerprint, so that nobody knows. */
	readonly parts: readonly FingerprintPart[];
	readonly before?: number;
	readonly after?: number;
}

export interface SideCase {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	readonly score?: number;
}

/** Two runs beside each other. Numbers are about `comparable` alone. */
export interface Comparison {
	readonly comparable: readonly ComparableCase[];
	readonly changed: readonly ChangedCase[];
	/** Cases of the second run only. */
	readonly new: readonly SideCase[];
	/** Cases of the first run only. */
	readonly gone: readonly SideCase[];
	/** Cases with equal fingerprints that at least one run could not judge. */
	readonly errors: readonly SideCase[];
	readonly difference: MeanDifference;
	/** Whether the interval lies wholly on one side of zero. */
	readonly verdict: "better" | "worse" | "no difference shown" | "nothing to compare";
}

/** Compares two runs, case by case. `vary` names fingerprint parts that are meant to differ, as the target between two models. */
export function compareRuns(
	before: ReadonlyMap<string, CaseScore>,
	after: ReadonlyMap<string, CaseScore>,
	vary: ReadonlySet<FingerprintPart> = new Set(),
): Comparison {
	const comparable: ComparableCase[] = [];
	const changed: ChangedCase[] = [];
	const errors: SideCase[] = [];
	const gone: SideCase[] = [];
	for (const [key, one] of before) {
		const two = after.get(key);
		if (!two) {
			gone.push(side(one));
			continue;
		}
		const parts = changedParts(one, two, vary);
		if (parts === undefined || parts.length > 0)
			changed.push({ ...name(two), parts: parts ?? [], ...scores(one, two) });
		else if (one.score === undefined || two.score === undefined) errors.push(side(two));
		else comparable.push({ ...name(two), before: one.score, after: two.score, delta: two.score - one.score });
	}
	const fresh = [...after].filter(([key]) => !before.has(key)).map(([, two]) => side(two));
	const ordered = inOrder(comparable);
	const difference = meanDifference(Float64Array.from(ordered, ({ delta }) => delta));
	return {
		comparable: ordered,
		changed: inOrder(changed),
		new: inOrder(fresh),
		gone: inOrder(gone),
		errors: inOrder(errors),
		difference,
		verdict: verdictOf(difference),
	};
}

function verdictOf({ tests, interval }: MeanDifference): Comparison["verdict"] {
	if (tests === 0) return "nothing to compare";
	if (!interval) return "no difference shown";
	if (interval[1] < 0) return "worse";
	return interval[0] > 0 ? "better" : "no difference shown";
}

/** The parts that differ; `undefined` where a fingerprint is missing. */
function changedParts(
	one: CaseScore,
	two: CaseScore,
	vary: ReadonlySet<FingerprintPart>,
): FingerprintPart[] | undefined {
	const { fingerprint: first } = one;
	const { fingerprint: second } = two;
	if (!first || !second) return undefined;
	return fingerprintParts.filter((part) => !vary.has(part) && first[part] !== second[part]);
}

function name({ eval: file, testId, target }: CaseScore) {
	return { eval: file, testId, target };
}

function side(one: CaseScore): SideCase {
	return { ...name(one), ...(one.score === undefined ? {} : { score: one.score }) };
}

function scores(one: CaseScore, two: CaseScore) {
	return {
		...(one.score === undefined ? {} : { before: one.score }),
		...(two.score === undefined ? {} : { after: two.score }),
	};
}

/** By name, so that the answer does not depend on the order in which tests finished. */
function inOrder<Case extends SideCase | ComparableCase | ChangedCase>(cases: readonly Case[]): Case[] {
	const none = new Set<string>();
	const keyed = cases.map((one) => [caseKey(one, none), one] as const);
	return keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, one]) => one);
}

/** What the figures mean, in words. */
export function describeDifference({ tests, mean, interval, smallestEffect }: MeanDifference): string {
	const signed = (value: number) => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(3)}`;
	if (tests === 0)
		return "No test can be compared: every one of them was changed, added or removed, or could not be run.";
	if (!interval || smallestEffect === undefined) {
		return `Mean difference ${signed(mean)} over ${tests} comparable test${tests === 1 ? "" : "s"}: too few to tell it from chance.`;
	}
	const range = `${signed(mean)} (95 % interval ${signed(interval[0])} to ${signed(interval[1])})`;
	const judged =
		interval[1] < 0
			? "The second run is worse."
			: interval[0] > 0
				? "The second run is better."
				: "No difference is shown.";
	return `Mean difference ${range} over ${tests} comparable tests. ${judged} With this many tests and this spread, a true difference below ${smallestEffect.toFixed(3)} would often go unseen.`;
}
