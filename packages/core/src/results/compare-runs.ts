import { caseKey } from "../model/case-key.ts";
import { type Fingerprint, fingerprintParts } from "../schema/result-row.ts";
import type { CaseScore } from "./case-scores.ts";
import { type CasePair, matchCases, type Renamed } from "./match-cases.ts";
import { type MeanDifference, meanDifference } from "./mean-difference.ts";

export type FingerprintPart = keyof Fingerprint;

/** A case that could be judged. */
export interface JudgedCase extends CaseScore {
	readonly score: number;
}

/** A case that both runs have with equal fingerprints. */
export interface ComparableCase {
	readonly before: JudgedCase;
	readonly after: JudgedCase;
	/** Score after − score before. */
	readonly delta: number;
}

/** A case that both runs have, but whose scores mean different things. */
export interface ChangedCase extends CasePair {
	/** What differs; empty where a row has no fingerprint, so that nobody knows. */
	readonly parts: readonly FingerprintPart[];
}

/** Two runs beside each other. Numbers are about `comparable` alone. */
export interface Comparison {
	readonly comparable: readonly ComparableCase[];
	readonly changed: readonly ChangedCase[];
	/** Cases of the second run only. */
	readonly new: readonly CaseScore[];
	/** Cases of the first run only. */
	readonly gone: readonly CaseScore[];
	/** Cases with equal fingerprints that at least one run could not judge. */
	readonly errors: readonly CasePair[];
	/** Evals and targets that the second run calls otherwise. */
	readonly renamed: { readonly evals: readonly Renamed[]; readonly targets: readonly Renamed[] };
	readonly difference: MeanDifference;
	/** Mean scores over the comparable cases; both 0 where there are none. */
	readonly means: { readonly before: number; readonly after: number };
	/** Whether the interval lies wholly on one side of zero. */
	readonly verdict: "better" | "worse" | "no difference shown" | "nothing to compare";
}

/** Compares two runs, case by case. `vary` names fingerprint parts that are meant to differ, as the target between two models. */
export function compareRuns(
	before: readonly CaseScore[],
	after: readonly CaseScore[],
	vary: ReadonlySet<FingerprintPart> = new Set(),
): Comparison {
	const matched = matchCases(before, after);
	const comparable: ComparableCase[] = [];
	const changed: ChangedCase[] = [];
	const errors: CasePair[] = [];
	for (const pair of inOrder(matched.pairs, pairName)) {
		const parts = changedParts(pair, vary);
		if (parts === undefined || parts.length > 0) changed.push({ ...pair, parts: parts ?? [] });
		else if (isJudged(pair.before) && isJudged(pair.after))
			comparable.push({ before: pair.before, after: pair.after, delta: pair.after.score - pair.before.score });
		else errors.push(pair);
	}
	const difference = meanDifference(Float64Array.from(comparable, ({ delta }) => delta));
	return {
		...{ comparable, changed, errors, difference },
		new: inOrder(matched.new, caseName),
		gone: inOrder(matched.gone, caseName),
		renamed: { evals: matched.evals, targets: matched.targets },
		means: { before: mean(comparable, ({ before }) => before), after: mean(comparable, ({ after }) => after) },
		verdict: verdictOf(difference),
	};
}

function mean(cases: readonly ComparableCase[], sideOf: (one: ComparableCase) => JudgedCase): number {
	return cases.reduce((sum, one) => sum + sideOf(one).score, 0) / Math.max(1, cases.length);
}

function isJudged(one: CaseScore): one is JudgedCase {
	return one.score !== undefined;
}

function verdictOf({ tests, interval }: MeanDifference): Comparison["verdict"] {
	if (tests === 0) return "nothing to compare";
	if (!interval) return "no difference shown";
	if (interval[1] < 0) return "worse";
	return interval[0] > 0 ? "better" : "no difference shown";
}

/** The parts that differ; `undefined` where a fingerprint is missing. */
function changedParts({ before, after }: CasePair, vary: ReadonlySet<FingerprintPart>): FingerprintPart[] | undefined {
	const [one, two] = [before.fingerprint, after.fingerprint];
	if (!one || !two) return undefined;
	return fingerprintParts.filter((part) => !vary.has(part) && one[part] !== two[part]);
}

function caseName({ eval: label, testId, target }: CaseScore): string {
	return caseKey(label, testId, target);
}

/** The same whichever run is the first. */
function pairName({ before, after }: CasePair): string {
	const [one, two] = [caseName(before), caseName(after)];
	return one < two ? `${one}${two}` : `${two}${one}`;
}

/** By name, so that the answer does not depend on the order in which tests finished. */
function inOrder<Case>(cases: readonly Case[], nameOf: (one: Case) => string): Case[] {
	const named = cases.map((one) => [nameOf(one), one] as const);
	return named.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, one]) => one);
}
