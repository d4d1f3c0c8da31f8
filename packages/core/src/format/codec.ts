import { z } from "zod";

/** What a format defines about a field beyond its value's schema. */
export interface FieldFacts {
	/** The sibling key that replaced it. */
	readonly newer?: string;
	/** Like `newer`, for a field inside a deprecated block: the key next to that block. */
	readonly outer?: string;
	readonly unsupported?: {
		readonly hint: string;
		readonly severity?: "error" | "warning";
		readonly allows?: (value: unknown) => boolean;
	};
	/** Numbers and booleans are read as written text, so that `007` and `3.10` are kept. */
	readonly isText?: boolean;
}

export interface ObjectFacts {
	readonly isStrict: boolean;
}

// Not zod's own metadata, which goes into the published JSON Schemas.
const fields = new WeakMap<z.core.$ZodType, FieldFacts>();
const objects = new WeakMap<z.core.$ZodType, ObjectFacts>();
/** The shapes of wire objects, by TypeScript names. */
const shapes = new WeakMap<z.core.$ZodType, z.ZodRawShape>();
const nothing: FieldFacts = {};

export function noteField<Schema extends z.core.$ZodType>(schema: Schema, facts: FieldFacts): Schema {
	fields.set(schema, { ...fields.get(schema), ...facts });
	return schema;
}

function noteObject(schema: z.core.$ZodType, facts: ObjectFacts): void {
	objects.set(schema, facts);
}

export function factsOfField(schema: z.core.$ZodType): FieldFacts {
	return fields.get(schema) ?? nothing;
}

export function isStrictObject(schema: z.core.$ZodType): boolean {
	return objects.get(schema)?.isStrict ?? false;
}

/** A list is argv; a string is split into words or passed to the shell. */
export const commandSchema = z.union([z.string().min(1), z.array(z.string()).min(1)]);
export type CommandText = z.output<typeof commandSchema>;

/** One string or several, parsed to a list. */
export const stringsSchema = z
	.union([z.string(), z.array(z.string())])
	.transform((value) => (typeof value === "string" ? [value] : value));

const scalarText = () => z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]);

/** Text that needs no quotes: `3.10`, `007` and `true` are read as written. */
export const textSchema = noteField(scalarText(), { isText: true });

/** Like `textSchema`, not empty. */
export const fullTextSchema = noteField(
	z.union([z.string().min(1), z.number().transform(String), z.boolean().transform(String)]),
	{ isText: true },
);

/** One non-empty text or several, parsed to a list. */
export const textsSchema = z
	.union([textSchema, z.array(textSchema)])
	.transform((value) => (Array.isArray(value) ? value : [value]));

/** An identifier; YAML parses a bare `7` as a number, so numbers are read as written. */
export const idSchema = noteField(z.union([z.string().min(1), z.number().transform(String)]), { isText: true });

/** One id or several, parsed to a list. */
export const idsSchema = z.union([idSchema.transform((id) => [id]), z.array(idSchema)]);

export const fractionSchema = z.number().min(0).max(1);
/** More is a mistake, and sums of such numbers can't be serialized any more. */
export const largestFigure = 1e15;
export const positiveSchema = z.number().positive().max(largestFigure);
export const countSchema = z.number().int().positive().max(1_000_000_000);
/** Attempts of one test. */
export const repeatCountSchema = z.number().int().positive().max(10_000);
/** The longest timer: a little less than 25 days. */
export const secondsSchema = z.number().positive().max(2_147_483);
export const millisecondsSchema = z.number().positive().max(2_147_483_647);
/** A weight, a bound or a price. */
export const amountSchema = z.number().min(0).max(largestFigure);
export const dataSchema = z.record(z.string(), z.unknown());

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
	shapes.set(isPlain ? wire : translated, shape);
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

const wireKeys = new Map<string, string>();

/**
 * Returns one of our objects as written to files: its own keys in `snake_case`, without undefined
 * ones. Values are not converted, so that users' data keeps its keys; convert nested objects
 * separately.
 */
export function toWire(object: object): Record<string, unknown> {
	const wire: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(object)) {
		if (value === undefined) continue;
		wire[wireKey(name)] = value;
	}
	return wire;
}

function wireKey(name: string): string {
	let key = wireKeys.get(name);
	if (key === undefined) {
		key = toWireKey(name);
		wireKeys.set(name, key);
	}
	return key;
}

type Frozen<T> = T extends readonly (infer Item)[]
	? readonly Frozen<Item>[]
	: T extends object
		? { readonly [Key in keyof T]: Frozen<T[Key]> }
		: T;

/**
 * Returns a value as written to files by its schema: the inverse of parsing, without undefined
 * fields. Keys keep the value's order, and users' data keeps its keys.
 */
export function encode<Schema extends z.ZodType>(
	schema: Schema,
	value: Frozen<z.output<Schema>>,
): Readonly<Record<string, unknown>> {
	return encoded(schema, value) as Record<string, unknown>;
}

function encoded(schema: z.core.$ZodType, value: unknown): unknown {
	if (typeof value !== "object" || value === null) return value;
	const shape = shapes.get(schema);
	if (!shape) {
		const { innerType, element, getter } = schema._zod.def as {
			readonly innerType?: z.core.$ZodType;
			readonly element?: z.core.$ZodType;
			readonly getter?: () => z.core.$ZodType;
		};
		if (element && Array.isArray(value)) return value.map((item) => encoded(element, item));
		const inner = innerType ?? getter?.();
		return inner ? encoded(inner, value) : value;
	}
	const wire: Record<string, unknown> = {};
	for (const [name, item] of Object.entries(value)) {
		const field = shape[name];
		if (item !== undefined && field) wire[wireKey(name)] = encoded(field, item);
	}
	return wire;
}
