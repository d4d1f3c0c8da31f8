import { z } from "zod";

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
	const names = Object.keys(shape).map((name) => [name, toWireKey(name)] as const);
	const wireShape: Record<string, z.core.$ZodType> = {};
	for (const [name, key] of names) wireShape[key] = shape[name] as z.core.$ZodType;
	// Not a loose object: zod compiles objects that have no rule for other keys, which reads rows several times as fast.
	const wire = z.object(wireShape);
	type Parsed = Flat<z.output<z.ZodObject<Shape>>>;
	const translated = wire.transform((value): Parsed => {
		const result: Record<string, unknown> = {};
		for (const [name, key] of names) if (value[key] !== undefined) result[name] = value[key];
		return result as Parsed;
	});
	// Where all names are written as they are, there is nothing to translate.
	return names.every(([name, key]) => name === key) ? (wire as unknown as typeof translated) : translated;
}

/** Marks a field as an older spelling of `instead`: it still loads, validation says what to write. */
export function older<Schema extends z.ZodType>(schema: Schema, instead: string) {
	return schema.optional().meta({ deprecated: true, instead });
}
