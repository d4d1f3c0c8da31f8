import { valueAt } from "../base/value-path.ts";
import type { AssertionSettings } from "../schema/assertion-entry.ts";

export type ArgsMatch = NonNullable<AssertionSettings<"tool-trajectory">["argsMatch"]>;

/**
 * Returns whether a tool's actual arguments match the expected ones, by `exact`, `superset`,
 * `subset`, `ignore` or a list of fields to compare.
 */
export function argsMatch(actual: unknown, expected: Readonly<Record<string, unknown>>, how: ArgsMatch): boolean {
	if (how === "ignore") return true;
	if (typeof how === "object") return how.every((path) => sameValue(valueAt(actual, path), valueAt(expected, path)));
	if (how === "exact") return sameValue(actual, expected);
	const held = typeof actual === "object" && actual !== null ? (actual as Record<string, unknown>) : {};
	if (how === "superset") return Object.entries(expected).every(([key, value]) => sameValue(held[key], value));
	return Object.entries(held).every(([key, value]) => Object.hasOwn(expected, key) && sameValue(value, expected[key]));
}

/** Returns whether JSON values are deeply equal; the order of keys is ignored. */
export function sameValue(one: unknown, other: unknown): boolean {
	if (one === other) return true;
	if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
	if (Array.isArray(one) !== Array.isArray(other)) return false;
	const keys = Object.keys(one);
	return (
		keys.length === Object.keys(other).length &&
		keys.every(
			(key) =>
				Object.hasOwn(other, key) &&
				sameValue((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]),
		)
	);
}
