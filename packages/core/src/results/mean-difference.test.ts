import { law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fewestTests, meanDifference } from "./compare-runs.ts";

const minus = (count: number, size: number, tests: number) =>
	Float64Array.from({ length: tests }, (_, index) => (index < count ? -size : 0));

/** Returns true if the interval is below zero. */
function worse(differences: Float64Array): boolean {
	const { interval } = meanDifference(differences);
	return interval !== undefined && interval[1] < 0;
}

describe("the interval of a mean difference", () => {
	test("excludes zero if every test loses the same, for any number of tests", () => {
		for (const tests of [fewestTests, 20, 1000]) {
			expect(meanDifference(minus(tests, 0.5, tests)).interval).toEqual([-0.5, -0.5]);
			expect(worse(minus(tests, 0.001, tests))).toBe(true);
		}
	});

	test("includes zero if up to three of a hundred tests were lost, and excludes it if eight were", () => {
		expect([1, 2, 3].map((lost) => worse(minus(lost, 1, 100)))).toEqual([false, false, false]);
		expect(worse(minus(8, 1, 100))).toBe(true);
	});

	test("equals Student's interval for many symmetric differences", () => {
		const differences = Float64Array.from({ length: 400 }, (_, index) => (index % 2 === 0 ? 0.5 : -0.5));
		const [low, high] = meanDifference(differences).interval ?? [0, 0];
		expect(high).toBeCloseTo((1.966 * 0.5) / 20, 2);
		expect(low).toBeCloseTo((-1.966 * 0.5) / 20, 2);
	});

	test("mirrors exactly if the runs are swapped", () => {
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
			law(300),
		);
	});

	test("reports a smallest detectable effect above zero even if no test varied", () => {
		const { smallestEffect = 0 } = meanDifference(minus(0, 0, 100));
		// About seven lost tests of a hundred.
		expect(smallestEffect).toBeGreaterThan(0.06);
		expect(smallestEffect).toBeLessThan(0.09);
	});

	test("does not exist for fewer than six tests, even with large differences", () => {
		expect(meanDifference(Float64Array.of(-1, -1, -1, -1, -1)).interval).toBeUndefined();
	});
});
