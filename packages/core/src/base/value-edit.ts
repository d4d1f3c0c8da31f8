import type { DocumentPath } from "./diagnostic.ts";

/** Returns a copy of `value` with `replacement` at `path`; only objects on the path are copied. */
export function withValueAt(value: unknown, path: DocumentPath, replacement: unknown): unknown {
	const [step, ...rest] = path;
	if (step === undefined) return replacement;
	if (Array.isArray(value)) {
		const copy = value.slice();
		copy[Number(step)] = withValueAt(copy[Number(step)], rest, replacement);
		return copy;
	}
	const object = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
	return { ...object, [step]: withValueAt(object[step], rest, replacement) };
}

/** Returns a copy of `value` without the entry or item at `path`. */
export function withoutValueAt(value: unknown, path: DocumentPath): unknown {
	const [step, ...rest] = path;
	if (step === undefined || typeof value !== "object" || value === null) return value;
	if (rest.length > 0) {
		const inner = (value as Record<string | number, unknown>)[step];
		return withValueAt(value, [step], withoutValueAt(inner, rest));
	}
	if (Array.isArray(value)) return value.filter((_, index) => index !== Number(step));
	return Object.fromEntries(Object.entries(value).filter(([key]) => key !== String(step)));
}

/** Returns whether two plain values are equal; the order of keys is ignored. */
export function sameValue(a: unknown, b: unknown): boolean {
	if (Object.is(a, b)) return true;
	if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
	if (Array.isArray(a) || Array.isArray(b)) {
		if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
		return a.every((item, index) => sameValue(item, b[index]));
	}
	const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
	const keys = Object.keys(left);
	if (keys.length !== Object.keys(right).length) return false;
	return keys.every((key) => Object.hasOwn(right, key) && sameValue(left[key], right[key]));
}
