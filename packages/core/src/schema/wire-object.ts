import { z } from "zod";
import { noteField, noteObject } from "./field-notes.ts";

/** Returns the file spelling of a TypeScript name: `timeoutSeconds` → `timeout_seconds`. */
export function toWireKey(name: string): string {
	return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

type Flat<T> = { [K in keyof T]: T[K] };

/**
 * Declares an object of a file format by its TypeScript names. In files its keys are `snake_case`;
 * parsing yields the camelCase names. Unknown keys pass (validation reports them, see
 * `inspectFields`) and are dropped from the result.
 * Names are translated only here.
 */
export function wireObject<Shape extends z.ZodRawShape>(shape: Shape) {
	return makeWireObject(shape, false);
}

/** Returns a wire object that rejects unknown keys: ignoring one would change a verdict. */
export function strictWireObject<Shape extends z.ZodRawShape>(shape: Shape) {
	return makeWireObject(shape, true);
}

function makeWireObject<Shape extends z.ZodRawShape>(shape: Shape, isStrict: boolean) {
	const names = Object.keys(shape).map((name) => [name, toWireKey(name)] as const);
	const wireShape: Record<string, z.core.$ZodType> = {};
	for (const [name, key] of names) wireShape[key] = shape[name] as z.core.$ZodType;
	// Not a loose object: zod compiles objects without a catch-all, which parses rows several times
	// as fast.
	const wire = z.object(wireShape);
	if (isStrict) noteObject(wire, { isStrict });
	type Parsed = Flat<z.output<z.ZodObject<Shape>>>;
	const translated = wire.transform((value): Parsed => {
		const result: Record<string, unknown> = {};
		for (const [name, key] of names) if (value[key] !== undefined) result[name] = value[key];
		return result as Parsed;
	});
	// If all names are spelled the same, nothing needs translation. A refinement copies the outermost
	// schema, so a strict object stays inside.
	const isPlain = !isStrict && names.every(([name, key]) => name === key);
	return isPlain ? (wire as unknown as typeof translated) : translated;
}

/**
 * Marks a field as a deprecated spelling of `instead`: it still loads, and validation suggests the
 * replacement. `newer` is the sibling key with the same meaning, if `instead` is more than that
 * key.
 */
export function older<Schema extends z.ZodType>(schema: Schema, instead: string, newer: string = instead) {
	return noteField(schema.optional().meta({ deprecated: true, instead }), { newer });
}

/** Marks a field of a deprecated block as a spelling of the field `key` next to that block. */
export function movedTo<Schema extends z.ZodType>(key: string, schema: Schema): Schema {
	return noteField(schema.meta(schema.meta() ?? {}) as Schema, { outer: key });
}

/** Marks a known field that is not supported; `allows` accepts values that have no effect. */
export function unsupported<Schema extends z.ZodType>(
	schema: Schema,
	facts: {
		/** The alternative; an imperative without a full stop. */
		readonly hint: string;
		/** Default `error`; `warning` for fields that don't affect results. */
		readonly severity?: "error" | "warning";
		readonly allows?: (value: unknown) => boolean;
	},
) {
	return noteField(schema.optional(), { unsupported: facts });
}
