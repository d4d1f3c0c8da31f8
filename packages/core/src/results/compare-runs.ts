import { type BoundedMean, boundedMean } from "../base/bounded-mean.ts";
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
	/** Attempts of comparable cases, of both runs, that could not be judged: left out of the means of their cases. */
	readonly unjudgedAttempts: number;
	/** Evals and targets that the second run calls otherwise. */
	readonly renamed: { readonly evals: readonly Renamed[]; readonly targets: readonly Renamed[] };
	readonly difference: MeanDifference;
	/** Mean scores over the comparable cases, of those that both runs have with equal fingerprints. */
	readonly means: { readonly before: BoundedMean; readonly after: BoundedMean };
	readonly verdict: ComparisonVerdict;
	/**
	 * The same with 0 for what the agent of the second run kept from being judged: turning failures into errors must not look better. Gates
	 * decide by it.
	 */
	readonly atLeast: { readonly difference: MeanDifference; readonly verdict: ComparisonVerdict };
}

/** Whether the interval lies wholly on one side of zero. */
export type ComparisonVerdict = "better" | "worse" | "no difference shown" | "nothing to compare";

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
	for (const pair of [...matched.pairs].sort(byName)) {
		const parts = changedParts(pair, vary);
		if (parts === undefined || parts.length > 0) changed.push({ ...pair, parts: parts ?? [] });
		else if (isJudged(pair.before) && isJudged(pair.after))
			comparable.push({ before: pair.before, after: pair.after, delta: pair.after.score - pair.before.score });
		else errors.push(pair);
	}
	const difference = meanDifference(Float64Array.from(comparable, ({ delta }) => delta));
	const same = [...comparable, ...errors].sort(byName);
	const lowest = meanDifference(Float64Array.from(same.flatMap(lowestDelta)));
	return {
		...{ comparable, changed, errors, difference },
		new: inOrder(matched.new),
		gone: inOrder(matched.gone),
		unjudgedAttempts: comparable.reduce((sum, { before, after }) => sum + before.errors + after.errors, 0),
		renamed: { evals: matched.evals, targets: matched.targets },
		means: { before: sideMean(comparable, errors, "before"), after: sideMean(comparable, errors, "after") },
		verdict: verdictOf(difference),
		atLeast: { difference: lowest, verdict: verdictOf(lowest) },
	};
}

/** The mean of one run over the comparable cases; what its own agent broke of the others counts for the bound. */
function sideMean(
	comparable: readonly ComparableCase[],
	errors: readonly CasePair[],
	side: "before" | "after",
): BoundedMean {
	const broken = errors.filter((pair) => pair[side].score === undefined && pair[side].lowest !== undefined);
	const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
	return boundedMean({
		total: sum(comparable.map((pair) => pair[side].score)),
		n: comparable.length,
		lowestTotal: sum(comparable.map((pair) => pair[side].lowest ?? pair[side].score)),
		broken: broken.length,
		planned: comparable.length + errors.length,
	});
}

/** Without a judged result before nothing can be said. */
function lowestDelta({ before, after }: CasePair): number[] {
	return before.score === undefined || after.lowest === undefined ? [] : [after.lowest - before.score];
}

function isJudged(one: CaseScore): one is JudgedCase {
	return one.score !== undefined;
}

function verdictOf({ tests, interval }: MeanDifference): ComparisonVerdict {
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

function inOrder(cases: readonly CaseScore[]): CaseScore[] {
	return [...cases].sort((a, b) => byName({ before: a, after: a }, { before: b, after: b }));
}

/** By eval, test and target, so that the order depends neither on which tests finished first nor on which run is the first. */
function byName(a: CasePair, b: CasePair): number {
	return (
		byBoth(a.before.eval, a.after.eval, b.before.eval, b.after.eval) ||
		byText(a.before.testId, b.before.testId) ||
		byBoth(a.before.target, a.after.target, b.before.target, b.after.target)
	);
}

/** Compares two pairs of texts whose own order does not matter. */
function byBoth(a1: string, a2: string, b1: string, b2: string): number {
	if (a1 === a2 && b1 === b2) return byText(a1, b1);
	const [a, b] = [[a1, a2].sort(), [b1, b2].sort()] as [[string, string], [string, string]];
	return byText(a[0], b[0]) || byText(a[1], b[1]);
}

function byText(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
