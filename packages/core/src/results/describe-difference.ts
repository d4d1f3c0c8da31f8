import type { Comparison } from "./compare-runs.ts";
import { fewestTests, type MeanDifference } from "./mean-difference.ts";

/** What the figures mean, in words. */
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

/** How much would have shown with so many tests; empty where none can be compared. */
export function describeSmallestEffect({ tests, interval, smallestEffect }: MeanDifference): string {
	if (tests === 0) return "";
	if (!interval || smallestEffect === undefined)
		return `With so few tests, a difference can't be distinguished from chance: at least ${fewestTests} are needed.`;
	if (smallestEffect >= 1)
		return "With so few tests and such a wide spread, hardly any true difference would be detected.";
	return `With this spread, ${tests} tests detect a true difference of ${smallestEffect.toFixed(3)} with 80 % power; a smaller one can go undetected.`;
}

/** Returns whether counting what the later run's agent broke as 0 changes the figures. */
export function isLowered({ difference, atLeast }: Comparison): boolean {
	return atLeast.difference.tests !== difference.tests || atLeast.difference.mean !== difference.mean;
}

/** What the figures are then, in words. */
export function describeLowered({ atLeast: { difference, verdict } }: Comparison): string {
	const { mean, interval } = difference;
	const range = interval ? ` (95 % interval ${signed(interval[0])} to ${signed(interval[1])})` : "";
	return `Counting 0 for tests that the later run's agent kept from being graded: ${signed(mean)}${range}, ${verdict}.`;
}

/** A difference with its sign, to three places. */
export function signed(value: number): string {
	const digits = Math.abs(value).toFixed(3);
	if (Number(digits) === 0) return digits;
	return `${value < 0 ? "−" : "+"}${digits}`;
}
