import { z } from "zod";
import { noteField, noteObject } from "./field-notes.ts";

/** `timeoutSeconds` → `timeout_seconds`: how a TypeScript name is written in files. */
export function toWireKey(name: string): string {
	return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

type Flat<T> = { [K in keyof T]: T[K] };

/**
 * An object of a file format, stated by its TypeScript names. On the wire its keys are `snake_case`; parsing yields the
 * camelCase names. Unknown keys pass (validation reports them, see `inspectFields`) and are left out of the result.
 * This is the one place that translates names.
 */
export function wireObject<Shape extends z.ZodRawShape>(shape: Shape) {
	return makeWireObject(shape, false);
}

/** Returns a wire object in which an unknown key is an error: without effect, it would change a verdict. */
export function strictWireObject<Shape extends z.ZodRawShape>(shape: Shape) {
	return makeWireObject(shape, true);
}

function makeWireObject<Shape extends z.ZodRawShape>(shape: Shape, isStrict: boolean) {
	const names = Object.keys(shape).map((name) => [name, toWireKey(name)] as const);
	const wireShape: Record<string, z.core.$ZodType> = {};
	for (const [name, key] of names) wireShape[key] = shape[name] as z.core.$ZodType;
	// Not a loose object: zod compiles objects that have no rule for other keys, which reads rows several times as fast.
	const wire = z.object(wireShape);
	if (isStrict) noteObject(wire, { isStrict });
	type Parsed = Flat<z.output<z.ZodObject<Shape>>>;
	const translated = wire.transform((value): Parsed => {
		const result: Record<string, unknown> = {};
		for (const [name, key] of names) if (value[key] !== undefined) result[name] = value[key];
		return result as Parsed;
	});
	// Where all names are written as they are, there is nothing to translate. A refinement copies the outermost schema, so
	// that a strict object stays inside.
	const isPlain = !isStrict && names.every(([name, key]) => name === key);
	return isPlain ? (wire as unknown as typeof translated) : translated;
}

/**
 * Marks a field as an older spelling of `instead`: it still loads, validation says what to write. `newer` is the key next to
 * it that means the same, where `instead` is more than that key.
 */
export function older<Schema extends z.ZodType>(schema: Schema, instead: string, newer: string = instead) {
	return noteField(schema.optional().meta({ deprecated: true, instead }), { newer });
}

/** Marks a field of an older block as the spelling of the field `key` next to that block. */
export function movedTo<Schema extends z.ZodType>(key: string, schema: Schema): Schema {
	return noteField(schema.meta(schema.meta() ?? {}) as Schema, { outer: key });
}

/** Marks a field that the format knows and that can't be honoured; `allows` accepts values that ask for nothing. */
export function unsupported<Schema extends z.ZodType>(
	schema: Schema,
	facts: {
		/** What to do instead; an imperative without a full stop. */
		readonly hint: string;
		/** Default `error`; `warning` for what changes no result. */
		readonly severity?: "error" | "warning";
		readonly allows?: (value: unknown) => boolean;
	},
) {
	return noteField(schema.optional(), { unsupported: facts });
}
