import { join } from "node:path";
import { readSummary } from "../eval/discover-evals.ts";
import { caseKey } from "../eval/run-digest.ts";
import { toWireKey } from "../format/codec.ts";
import {
	type AttemptFile,
	type Fingerprint,
	fingerprintParts,
	type ResultRow,
	type RunFile,
	type RunSummary,
} from "../format/run-file.ts";
import { type BoundedMean, boundedMean, seededRandom } from "../lib/numbers.ts";
import { pathKind } from "../machine/files.ts";
import { type CasePair, type CaseScore, matchCases, type Renamed } from "./outcomes.ts";
import { type AttemptId, attemptOf } from "./read-run.ts";
import type { Difference, VersionUse } from "./sign-run.ts";

export type FingerprintPart = keyof Fingerprint;

/** A graded case. */
export interface JudgedCase extends CaseScore {
	readonly score: number;
}

/** A case of both runs with equal fingerprints. */
export interface ComparableCase {
	readonly before: JudgedCase;
	readonly after: JudgedCase;
	/** Score after − score before. */
	readonly delta: number;
}

/** A case of both runs whose scores are not comparable. */
export interface ChangedCase extends CasePair {
	/** What differs; empty if a row has no fingerprint, so that it is unknown. */
	readonly parts: readonly FingerprintPart[];
}

/** A comparison of two runs. Figures only cover `comparable`. */
export interface Comparison {
	readonly comparable: readonly ComparableCase[];
	readonly changed: readonly ChangedCase[];
	/** Cases of the second run only. */
	readonly new: readonly CaseScore[];
	/** Cases of the first run only. */
	readonly gone: readonly CaseScore[];
	/** Comparable cases that were not graded in at least one run. */
	readonly errors: readonly CasePair[];
	/** Ungraded attempts of comparable cases in both runs: excluded from their means. */
	readonly unjudgedAttempts: number;
	/** Evals and targets with another name in the second run. */
	readonly renamed: { readonly evals: readonly Renamed[]; readonly targets: readonly Renamed[] };
	readonly difference: MeanDifference;
	/** Mean scores of the comparable cases, of all cases with equal fingerprints. */
	readonly means: { readonly before: BoundedMean; readonly after: BoundedMean };
	readonly verdict: ComparisonVerdict;
	/**
	 * Counts 0 for what the second run's agent broke, so that errors don't look better. For gates.
	 */
	readonly atLeast: { readonly difference: MeanDifference; readonly verdict: ComparisonVerdict };
}

/** Whether the interval is entirely on one side of zero. */
export type ComparisonVerdict = "better" | "worse" | "no difference shown" | "nothing to compare";

/** `vary` lists fingerprint parts that are expected to differ, such as the target. */
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

/** What the run's own agent broke counts for the bound. */
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

/** Without an earlier graded result nothing is known. */
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

/** Undefined if a fingerprint is missing. */
function changedParts({ before, after }: CasePair, vary: ReadonlySet<FingerprintPart>): FingerprintPart[] | undefined {
	const [one, two] = [before.fingerprint, after.fingerprint];
	if (!one || !two) return undefined;
	return fingerprintParts.filter((part) => !vary.has(part) && one[part] !== two[part]);
}

function inOrder(cases: readonly CaseScore[]): CaseScore[] {
	return [...cases].sort((a, b) => byName({ before: a, after: a }, { before: b, after: b }));
}

/** Sorts independently of completion order and of which run is first. */
function byName(a: CasePair, b: CasePair): number {
	return (
		byBoth(a.before.eval, a.after.eval, b.before.eval, b.after.eval) ||
		byText(a.before.testId, b.before.testId) ||
		byBoth(a.before.target, a.after.target, b.before.target, b.after.target)
	);
}

/** Compares two pairs of texts, ignoring the order in a pair. */
function byBoth(a1: string, a2: string, b1: string, b2: string): number {
	if (a1 === a2 && b1 === b2) return byText(a1, b1);
	const [a, b] = [[a1, a2].sort(), [b1, b2].sort()] as [[string, string], [string, string]];
	return byText(a[0], b[0]) || byText(a[1], b[1]);
}

function byText(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

export function describeDifference(difference: MeanDifference): string {
	const { tests, mean, interval } = difference;
	if (tests === 0)
		return "No test can be compared: every one of them was changed, added or removed, or was not graded.";
	const over = `over ${tests} comparable test${tests === 1 ? "" : "s"}`;
	if (!interval) return `Mean difference ${signed(mean)} ${over}. ${describeSmallestEffect(difference)}`;
	const judged =
		interval[1] < 0 ? "The later run is worse." : interval[0] > 0 ? "The later run is better." : "No difference shown.";
	return `Mean difference ${signed(mean)} (95 % interval ${signed(interval[0])} to ${signed(interval[1])}) ${over}. ${judged} ${describeSmallestEffect(difference)}`;
}

/** Describes the power of the comparison; empty if there are no comparable tests. */
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
	const { mean, interval } = difference;
	const range = interval ? ` (95 % interval ${signed(interval[0])} to ${signed(interval[1])})` : "";
	return `Counting 0 for tests that the later run's agent kept from being graded: ${signed(mean)}${range}, ${verdict}.`;
}

/** Formats a difference with its sign, to three places. */
export function signed(value: number): string {
	const digits = Math.abs(value).toFixed(3);
	if (Number(digits) === 0) return digits;
	return `${value < 0 ? "−" : "+"}${digits}`;
}

/** The statistics of paired differences. */
interface MeanDifference {
	readonly tests: number;
	readonly mean: number;
	/** 95 % bootstrap interval of the mean; absent if too few tests could show any effect. */
	readonly interval?: readonly [low: number, high: number];
	/** The smallest true difference that tests with this spread detect with 80 % power. */
	readonly smallestEffect?: number;
}

/** With fewer pairs even a unanimous difference can be chance: 2⁻⁵ is more than one in forty. */
export const fewestTests = 6;

const z975 = 1.959964;
const z80 = 0.841621;

/**
 * Returns the mean with a percentile bootstrap interval, widened for small samples. Deterministic:
 * the resamples depend only on the number of tests, so that swapping the runs mirrors the interval
 * exactly.
 */
export function meanDifference(differences: Float64Array): MeanDifference {
	const tests = differences.length;
	const mean = tests === 0 ? 0 : sum(differences) / tests;
	if (tests < fewestTests) return { tests, mean };
	const t = studentQuantile(tests - 1);
	// Bootstrap means vary less than means do by √((n-1)/n), with normal tails: correct both.
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
 * Returns the difference d of √`needed` standard deviations. A true difference increases the
 * spread: it occurs in steps of the observed size (1 if nothing changed) in some of the tests. So
 * the variance at d is the observed one + d · step − d².
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

/** Uses 1,000 (many tests) to 10,000 resamples (few): at most twenty million draws. */
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

/** The totals of the rows. */
interface Tally {
	readonly summary: RunSummary;
	readonly finished: number;
	readonly missing: readonly AttemptId[];
}

/** The run's duration can't be derived from rows, so it is not compared. */
export function summaryDifferences(directory: string, { summary, finished, missing }: Tally): Difference[] {
	const recorded = withBounds(readSummary(directory));
	if (!recorded) {
		if (pathKind(join(directory, "summary.json")) !== "missing") return [{ kind: "summary-unreadable" }];
		// An interrupted run has no summary yet.
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

/** Summaries of earlier versions have no lower bounds: they equal the means. */
function withBounds(summary: RunSummary | undefined): RunSummary | undefined {
	return summary && { errorsByAgent: 0, meanScoreLowerBound: summary.meanScore, ...summary };
}

/** Ignores rounding from the order in which fractions were added up. */
function sameFigures(one: unknown, other: unknown): boolean {
	if (typeof one === "number" && typeof other === "number")
		return Math.abs(one - other) <= 1e-9 * Math.max(1, Math.abs(one), Math.abs(other));
	if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return one === other;
	const left: Readonly<Record<string, unknown>> = { ...one };
	const right: Readonly<Record<string, unknown>> = { ...other };
	return Object.keys({ ...left, ...right }).every((key) => sameFigures(left[key], right[key]));
}

/** Versions of an attempt's inputs, from its file. */
export type MadeOf = Pick<AttemptFile, "files" | "repositories">;

/** Attempts that are shown per version. */
const mostShown = 3;

type Uses = Map<string, { attempts: number; first: VersionUse["first"][number][] }>;

/** Detects whether a run's results have different versions of an input. */
export class MixedVersions {
	readonly #run: RunFile;
	/** By test and target: the planned fingerprint, and whether there are several attempts. */
	readonly #planned: ReadonlyMap<string, { readonly fingerprint: string; readonly isRepeated: boolean }>;
	/** By kind: a file, a repository. */
	readonly #things = new Map<string, Uses>();
	/** By eval, target and part, for tests that differ from the plan. */
	readonly #parts = new Map<string, { part: keyof Fingerprint; of: string; uses: Uses }>();
	readonly #attempts = new Map<string, { readonly attempt: AttemptId; readonly fingerprint: Partial<Fingerprint> }>();

	constructor(run: RunFile) {
		this.#run = run;
		this.#planned = new Map(
			run.planned.map(([of, id, target, repeat], position) => [
				caseKey(run.evals[of]?.file ?? "", id, target),
				{ fingerprint: run.fingerprints?.[position] ?? "", isRepeated: repeat !== undefined },
			]),
		);
	}

	/** @param made absent if the attempt's file is unreadable */
	add(row: ResultRow, made: MadeOf | undefined): void {
		const attempt = attemptOf(row);
		for (const [name, version] of Object.entries(made?.files ?? {})) count(this.#thing(name), version, attempt);
		for (const { path, repo, requested, ancestor } of this.#run.repositories ?? []) {
			const sha = made?.repositories?.[path];
			// A relative path depends on its eval.
			if (sha === undefined || /^[./~]/.test(repo)) continue;
			const title = [repo, requested, ancestor === undefined ? undefined : `less ${ancestor}`, `in ${path}`];
			if (this.#commits(path, repo, requested, ancestor).has(sha))
				count(this.#thing(`repository ${title.filter((text) => text !== undefined).join(" ")}`), sha, attempt);
		}
		if (row.fingerprint) this.#fingerprint(row, row.fingerprint);
	}

	/** Called once, after all rows. */
	differences(): Difference[] {
		const stated = new Map((this.#run.files ?? []).map((file) => [file.path, file]));
		const parts = new Set<string>();
		const found = [...this.#things].flatMap(([of, uses]): Difference[] => {
			const file = stated.get(of);
			const planned = file?.sha256.slice(0, 32);
			if (uses.size < 2 && (planned === undefined || uses.has(planned))) return [];
			for (const part of file?.parts ?? []) parts.add(part);
			return [{ kind: "mixed-versions", of, versions: [...statedBy(planned, uses), ...listed(uses)] }];
		});
		// A changed file explains why its parts changed.
		const others = [...this.#parts.values()].filter(({ part }) => !parts.has(part));
		return [
			...found,
			...others.map(({ of, uses }): Difference => ({ kind: "mixed-versions", of, versions: listed(uses) })),
		];
	}

	#thing(name: string): Uses {
		const uses: Uses = this.#things.get(name) ?? new Map();
		this.#things.set(name, uses);
		return uses;
	}

	#commits(path: string, repo: string, requested: string | undefined, ancestor: number | undefined): Set<string> {
		const same = (this.#run.repositories ?? []).filter(
			(one) => one.path === path && one.repo === repo && one.requested === requested && one.ancestor === ancestor,
		);
		return new Set(same.map(({ sha }) => sha));
	}

	/** Compares with the planned fingerprint, and with the test's other attempts. */
	#fingerprint(row: ResultRow, fingerprint: Fingerprint): void {
		const key = caseKey(row.eval, row.testId, row.target);
		const planned = this.#planned.get(key);
		const parts = planned?.fingerprint.split(".") ?? [];
		const attempt = attemptOf(row);
		const other = this.#attempts.get(key);
		// A workspace that could not be prepared has no commits.
		const isUnprepared = row.executionStatus === "execution_error";
		for (const [position, part] of fingerprintParts.entries()) {
			if (part === "workspace" && isUnprepared) continue;
			const version = fingerprint[part];
			const expected = parts[position] ?? "";
			const before = other?.fingerprint[part];
			if (expected !== "" && !version.startsWith(expected)) {
				const uses = this.#usesOf(part, row);
				if (!uses.has(expected)) uses.set(expected, { attempts: 0, first: [] });
				count(uses, version, attempt);
			} else if (other && before !== undefined && before !== version) {
				const uses = this.#usesOf(part, row);
				if (!uses.has(before)) count(uses, before, other.attempt);
				count(uses, version, attempt);
			}
		}
		if (!planned?.isRepeated || (other && isUnprepared)) return;
		const { workspace: _, ...rest } = fingerprint;
		this.#attempts.set(key, { attempt, fingerprint: isUnprepared ? rest : fingerprint });
	}

	#usesOf(part: keyof Fingerprint, row: ResultRow): Uses {
		const key = JSON.stringify([part, row.eval, row.target]);
		const of = `${part} of ${row.eval} with target ${JSON.stringify(row.target)}`;
		const known = this.#parts.get(key) ?? { part, of, uses: new Map() };
		this.#parts.set(key, known);
		return known.uses;
	}
}

function count(uses: Uses, version: string, attempt: AttemptId): void {
	const known = uses.get(version) ?? { attempts: 0, first: [] };
	known.attempts += 1;
	if (known.first.length < mostShown) known.first.push(attempt);
	uses.set(version, known);
}

/** Returns the version in `run.json`, if no result has it. */
function statedBy(planned: string | undefined, uses: Uses): VersionUse[] {
	return planned === undefined || uses.has(planned) ? [] : [{ version: planned, attempts: 0, first: [] }];
}

function listed(uses: Uses): VersionUse[] {
	return [...uses].map(([version, { attempts, first }]) => ({ version, attempts, first }));
}
