import { seededRandom } from "../lib/numbers.ts";

/** The statistics of paired differences. */
export interface MeanDifference {
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
