import { type Fingerprint, fingerprintParts } from "../format/run-file.ts";
import { type BoundedMean, boundedMean, seededRandom } from "../lib/text.ts";
import { type CasePair, type CaseScore, type ComparedRun, matchCases, type Renamed } from "./case-scores.ts";

export type FingerprintPart = keyof Fingerprint;

interface GradedCase extends CaseScore {
	readonly score: number;
}

interface ComparableCase {
	readonly before: GradedCase;
	readonly after: GradedCase;
	readonly delta: number;
}

interface ChangedCase extends CasePair {
	/** Empty if a row has no fingerprint, so the difference is unknown. */
	readonly parts: readonly FingerprintPart[];
}

/** A comparison of two runs. Figures only cover `comparable`. */
export interface Comparison {
	readonly comparable: readonly ComparableCase[];
	readonly changed: readonly ChangedCase[];
	readonly new: readonly CaseScore[];
	readonly gone: readonly CaseScore[];
	/** Comparable, but not graded in at least one run. */
	readonly errors: readonly CasePair[];
	/** Over both runs; excluded from the means of comparable cases. */
	readonly unjudgedAttempts: number;
	readonly renamed: { readonly evals: readonly Renamed[]; readonly targets: readonly Renamed[] };
	readonly difference: MeanDifference;
	readonly means: { readonly before: BoundedMean; readonly after: BoundedMean };
	readonly verdict: ComparisonVerdict;
	/** Counts 0 for what the second run's agent broke, so that errors don't improve the result. */
	readonly atLeast: { readonly difference: MeanDifference; readonly verdict: ComparisonVerdict };
}

/** `better` and `worse` require that the interval is entirely on one side of zero. */
type ComparisonVerdict = "better" | "worse" | "no difference shown" | "nothing to compare";

/** Compares two runs. @param vary fingerprint parts that may differ, such as the target */
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
		else if (isGraded(pair.before) && isGraded(pair.after))
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

/** Without an earlier score the difference is unknown. */
function lowestDelta({ before, after }: CasePair): number[] {
	return before.score === undefined || after.lowest === undefined ? [] : [after.lowest - before.score];
}

function isGraded(tested: CaseScore): tested is GradedCase {
	return tested.score !== undefined;
}

function verdictOf({ tests, interval }: MeanDifference): ComparisonVerdict {
	if (tests === 0) return "nothing to compare";
	if (!interval) return "no difference shown";
	if (interval[1] < 0) return "worse";
	return interval[0] > 0 ? "better" : "no difference shown";
}

function changedParts({ before, after }: CasePair, vary: ReadonlySet<FingerprintPart>): FingerprintPart[] | undefined {
	const [a, b] = [before.fingerprint, after.fingerprint];
	if (!a || !b) return undefined;
	return fingerprintParts.filter((part) => !vary.has(part) && a[part] !== b[part]);
}

function inOrder(cases: readonly CaseScore[]): CaseScore[] {
	return [...cases].sort((a, b) => byName({ before: a, after: a }, { before: b, after: b }));
}

/** Independent of completion order and of which run is first. */
function byName(a: CasePair, b: CasePair): number {
	return (
		byBoth(a.before.eval, a.after.eval, b.before.eval, b.after.eval) ||
		byText(a.before.testId, b.before.testId) ||
		byBoth(a.before.target, a.after.target, b.before.target, b.after.target)
	);
}

/** Compares two pairs of texts, ignoring the order within a pair. */
function byBoth(a1: string, a2: string, b1: string, b2: string): number {
	if (a1 === a2 && b1 === b2) return byText(a1, b1);
	const [a, b] = [[a1, a2].sort(), [b1, b2].sort()] as [[string, string], [string, string]];
	return byText(a[0], b[0]) || byText(a[1], b[1]);
}

function byText(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

export type ComparedPart = "comparable" | "changed" | "new" | "gone" | "errors";

export interface ComparedCase {
	readonly before?: CaseScore | undefined;
	readonly after?: CaseScore | undefined;
	readonly delta?: number;
	readonly parts?: readonly FingerprintPart[];
}

export function comparedCases(comparison: Comparison, part: ComparedPart): readonly ComparedCase[] {
	if (part === "new") return comparison.new.map((after) => ({ after }));
	if (part === "gone") return comparison.gone.map((before) => ({ before }));
	return comparison[part];
}

// The records of `results compare --json`; their schema: docs/schemas/compare-output.schema.json.

export function comparedRunRecord({ directory, runId, experiment, startedAt, state, planned }: ComparedRun) {
	return { run_dir: directory, run_id: runId, experiment, started_at: startedAt, state, planned };
}

export function comparisonFigures({ verdict, difference, means, atLeast, unjudgedAttempts }: Comparison) {
	return {
		verdict,
		difference: {
			tests: difference.tests,
			...{ before: means.before.mean ?? 0, after: means.after.mean ?? 0 },
			mean: difference.mean,
			interval: difference.interval ?? null,
			smallest_effect: difference.smallestEffect ?? null,
		},
		lower_bound: {
			tests: atLeast.difference.tests,
			...{ before: means.before.lowerBound, after: means.after.lowerBound },
			mean: atLeast.difference.mean,
			interval: atLeast.difference.interval ?? null,
			verdict: atLeast.verdict,
		},
		unjudged_attempts: unjudgedAttempts,
	};
}

interface ComparedCaseRecord extends Pick<ComparedCase, "delta" | "parts"> {
	readonly eval: string;
	readonly test_id: string;
	readonly target: string;
	readonly before_eval?: string;
	readonly before_target?: string;
	readonly before?: number | null;
	readonly after?: number | null;
	readonly score?: number | null;
}

export function comparedCaseRecord({ before, after, ...rest }: ComparedCase): ComparedCaseRecord {
	const { eval: label = "", testId = "", target = "", score = null } = after ?? before ?? {};
	const name = { eval: label, test_id: testId, target };
	if (!before || !after) return { ...name, score };
	const { delta, parts } = rest;
	return {
		...name,
		...(before.eval === label ? {} : { before_eval: before.eval }),
		...(before.target === target ? {} : { before_target: before.target }),
		...(parts ? { parts } : {}),
		...{ before: before.score ?? null, after: score },
		...(delta === undefined ? {} : { delta }),
	};
}

export function describeDifference(difference: MeanDifference): string {
	const { tests, interval } = difference;
	if (tests === 0)
		return "No test can be compared: every one of them was changed, added or removed, or was not graded.";
	const over = `over ${tests} comparable test${tests === 1 ? "" : "s"}`;
	const figures = `Mean difference ${differenceText(difference)} ${over}.`;
	if (!interval) return `${figures} ${describeSmallestEffect(difference)}`;
	const finding =
		interval[1] < 0 ? "The later run is worse." : interval[0] > 0 ? "The later run is better." : "No difference shown.";
	return `${figures} ${finding} ${describeSmallestEffect(difference)}`;
}

/** Describes the power of the comparison; empty if no tests are comparable. */
export function describeSmallestEffect({ tests, interval, smallestEffect }: MeanDifference): string {
	if (tests === 0) return "";
	if (!interval || smallestEffect === undefined)
		return `With so few tests, a difference can't be distinguished from chance: at least ${fewestTests} are needed.`;
	if (smallestEffect >= 1)
		return "With so few tests and such a wide spread, hardly any true difference would be detected.";
	return `With this spread, ${tests} tests detect a true difference of ${smallestEffect.toFixed(3)} with 80 % power; a smaller one can go undetected.`;
}

/** Returns whether counting 0 for what the later run's agent broke changes the figures. */
export function isLowered({ difference, atLeast }: Comparison): boolean {
	return atLeast.difference.tests !== difference.tests || atLeast.difference.mean !== difference.mean;
}

export function describeLowered({ atLeast: { difference, verdict } }: Comparison): string {
	return `Counting 0 for tests that the later run's agent kept from being graded: ${differenceText(difference)}, ${verdict}.`;
}

/** Formats a difference: `−0.120 (95 % interval −0.200 to −0.040)`. */
export function differenceText({ mean, interval }: MeanDifference): string {
	return signed(mean) + (interval ? ` (95 % interval ${signed(interval[0])} to ${signed(interval[1])})` : "");
}

/** Formats a difference with its sign, to three places. */
export function signed(value: number): string {
	const digits = Math.abs(value).toFixed(3);
	if (Number(digits) === 0) return digits;
	return `${value < 0 ? "−" : "+"}${digits}`;
}

interface MeanDifference {
	readonly tests: number;
	readonly mean: number;
	/** 95 % bootstrap interval of the mean; absent if too few tests could show any effect. */
	readonly interval?: readonly [low: number, high: number];
	/** With 80 % power, for tests with this spread. */
	readonly smallestEffect?: number;
}

/** With fewer pairs even a unanimous difference can be chance: 2⁻⁵ is more than one in forty. */
export const fewestTests = 6;

const z975 = 1.959964;
const z80 = 0.841621;

/** The resamples only depend on the number of tests, so swapping the runs mirrors the interval. */
export function meanDifference(differences: Float64Array): MeanDifference {
	const tests = differences.length;
	const mean = tests === 0 ? 0 : sum(differences) / tests;
	if (tests < fewestTests) return { tests, mean };
	const t = studentQuantile(tests - 1);
	// Bootstrap means vary less than means by √((n-1)/n), and have normal tails: correct both.
	const tail = normalTail(Math.sqrt(tests / (tests - 1)) * t);
	const means = resampledMeans(differences);
	return {
		tests,
		mean,
		interval: [quantile(means, tail), quantile(means, 1 - tail)],
		smallestEffect: smallestEffect(differences, mean, (t + z80) ** 2 / tests),
	};
}

/**
 * A true difference increases the spread: it occurs in steps of the observed size (1 if nothing
 * changed) in some of the tests, so the variance at d is the observed one + d · step − d².
 */
function smallestEffect(differences: Float64Array, mean: number, needed: number): number {
	let [squares, moves, deviations] = [0, 0, 0];
	for (const difference of differences) {
		squares += difference ** 2;
		moves += Math.abs(difference);
		deviations += (difference - mean) ** 2;
	}
	const step = moves === 0 ? 1 : squares / moves;
	const variance = deviations / (differences.length - 1);
	const half = (needed * step) / 2;
	return (half + Math.sqrt(half ** 2 + (1 + needed) * needed * variance)) / (1 + needed);
}

function sum(values: Float64Array): number {
	let total = 0;
	for (const value of values) total += value;
	return total;
}

/** Uses 1,000 resamples (many tests) to 10,000 (few): at most twenty million draws. */
function resampledMeans(differences: Float64Array): Float64Array {
	const count = differences.length;
	const rounds = Math.max(1000, Math.min(10_000, Math.floor(20_000_000 / count)));
	const random = seededRandom(count);
	const means = new Float64Array(rounds);
	for (let round = 0; round < rounds; round += 1) {
		let total = 0;
		for (let draw = 0; draw < count; draw += 1) total += differences[Math.floor(random() * count)] as number;
		means[round] = total / count;
	}
	return means.sort();
}

/** Interpolates linearly, so that the quantiles of p and 1 - p mirror each other. */
function quantile(sorted: Float64Array, p: number): number {
	const place = (sorted.length - 1) * p;
	const below = Math.floor(place);
	const low = sorted[below] as number;
	const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
	return low + (high - low) * (place - below);
}

/** The 97.5 % quantile of Student's t, expanded in 1/df (exact to 0.3 % for df ≥ 5). */
function studentQuantile(df: number): number {
	const z = z975;
	const first = (z ** 3 + z) / 4;
	const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
	const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
	return z + first / df + second / df ** 2 + third / df ** 3;
}

/** Normal tail probability (Abramowitz and Stegun 26.2.17, error below 7.5e-8). */
function normalTail(x: number): number {
	const k = 1 / (1 + 0.2316419 * x);
	const series = k * (0.31938153 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))));
	return (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
