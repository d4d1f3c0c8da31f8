import { lookUp } from "../base/look-up.ts";
import {
	type AssertionType,
	assertionSchemas,
	customAssertionSchema,
	olderAssertionTypes,
} from "../schema/assertion-entry.ts";

/** Returns the built-in type for `written`, in its current or a deprecated spelling. */
export function builtInType(written: string): AssertionType | undefined {
	const dashed = written.includes("_") ? written.replaceAll("_", "-") : written;
	if (Object.hasOwn(assertionSchemas, dashed)) return dashed as AssertionType;
	return lookUp(olderAssertionTypes, dashed);
}

/** Returns the entries that a type does not define: a program gets them as its `config`. */
export function restOf(
	entry: Readonly<Record<string, unknown>>,
	known: ReadonlySet<string>,
): Readonly<Record<string, unknown>> {
	const keys = Object.keys(entry).filter((key) => !known.has(key));
	return keys.length === 0 ? nothing : Object.fromEntries(keys.map((key) => [key, entry[key]]));
}

const nothing: Readonly<Record<string, unknown>> = {};

/** Returns the keys that a type defines, as spelled in files. */
export function wireKeys(type: AssertionType): ReadonlySet<string> {
	const known = keysOfTypes.get(type) ?? new Set(Object.keys(assertionSchemas[type].def.in.def.shape));
	keysOfTypes.set(type, known);
	return known;
}

const keysOfTypes = new Map<AssertionType, ReadonlySet<string>>();

/** The keys that a custom type shares with all others. */
export const customKeys: ReadonlySet<string> = new Set(Object.keys(customAssertionSchema.def.in.def.shape));
