import type { AssertionSettings } from "../schema/assertion-entry.ts";

export type ArgsMatch = NonNullable<AssertionSettings<"tool-trajectory">["argsMatch"]>;

/** Whether a tool's actual arguments are what was expected, by `exact`, `superset`, `subset`, `ignore` or a list of fields to compare. */
export function argsMatch(actual: unknown, expected: Readonly<Record<string, unknown>>, how: ArgsMatch): boolean {
	if (how === "ignore") return true;
	if (typeof how === "object") return how.every((path) => sameValue(valueAt(actual, path), valueAt(expected, path)));
	if (how === "exact") return sameValue(actual, expected);
	const held = typeof actual === "object" && actual !== null ? (actual as Record<string, unknown>) : {};
	if (how === "superset") return Object.entries(expected).every(([key, value]) => sameValue(held[key], value));
	return Object.entries(held).every(([key, value]) => Object.hasOwn(expected, key) && sameValue(value, expected[key]));
}

/** Deep equality of JSON values; the order of keys does not count. */
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

/** The value at a path such as `items[0].price` or `items.0.price`; `undefined` where there is none. */
export function valueAt(value: unknown, path: string): unknown {
	let current = value;
	for (const key of path.replace(/\[(\w+)\]/g, ".$1").split(".")) {
		if (key === "") continue;
		if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) return undefined;
		current = (current as Record<string, unknown>)[key];
	}
	return current;
}
