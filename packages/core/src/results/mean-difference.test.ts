import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../base/random.ts";
import { fewestTests, meanDifference } from "./mean-difference.ts";

/** Differences of two runs of `tests` graded tests: scores of 0, ¼ … 1 around a test's own mean, the second run shifted. */
function simulatedDifferences(tests: number, effect: number, seed: number): Float64Array {
	const random = seededRandom(seed);
	const noise = () => random() + random() + random() - 1.5; // roughly normal, standard deviation ½
	return Float64Array.from({ length: tests }, () => noise() * 0.4 - (noise() * 0.4 - effect));
}

function worse(differences: Float64Array): boolean {
	const { interval } = meanDifference(differences);
	return interval !== undefined && interval[1] < 0;
}

describe("the interval of a mean difference", () => {
	for (const tests of [6, 12, 40]) {
		test(`${tests} identical noisy tests are called worse in at most 5 % of 400 pairs`, () => {
			const fired = Array.from({ length: 400 }, (_, pair) =>
				worse(simulatedDifferences(tests, 0, 7919 * pair + tests)),
			);
			expect(fired.filter(Boolean).length).toBeLessThanOrEqual(20);
		});

		test(`${tests} tests show a loss of twice the smallest effect in at least 80 % of 100 pairs`, () => {
			const fired = Array.from({ length: 100 }, (_, pair) => {
				const seed = 104_729 * pair + tests;
				const { smallestEffect = 0 } = meanDifference(simulatedDifferences(tests, 0, seed));
				return worse(simulatedDifferences(tests, -2 * smallestEffect, seed + 1));
			});
			expect(fired.filter(Boolean).length).toBeGreaterThanOrEqual(80);
		});
	}

	test("mirrors exactly when the runs are swapped", () => {
		fc.assert(
			fc.property(
				fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: fewestTests, maxLength: 60 }),
				(values) => {
					const one = meanDifference(Float64Array.from(values));
					const two = meanDifference(Float64Array.from(values, (value) => -value));
					expect(two.mean).toBeCloseTo(-one.mean, 12);
					expect(two.interval?.[0]).toBeCloseTo(-(one.interval?.[1] ?? Number.NaN), 9);
					expect(two.interval?.[1]).toBeCloseTo(-(one.interval?.[0] ?? Number.NaN), 9);
				},
			),
			{ numRuns: 50 },
		);
	});

	test("fewer than six tests have no interval, however large the differences", () => {
		expect(meanDifference(Float64Array.of(-1, -1, -1, -1, -1)).interval).toBeUndefined();
	});
});
