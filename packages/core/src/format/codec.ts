import { z } from "zod";

export interface FieldFacts {
	/** The sibling key that replaced it. */
	readonly newer?: string;
	readonly outer?: string;
	readonly unsupported?: {
		readonly hint: string;
		readonly severity?: "error" | "warning";
		readonly allows?: (value: unknown) => boolean;
	};
	/** Numbers and booleans are read as written text, so that `007` and `3.10` are kept. */
	readonly isText?: boolean;
}

interface ObjectFacts {
	readonly isStrict: boolean;
}

// Not zod's own metadata, which goes into the published JSON Schemas.
const fields = new WeakMap<z.core.$ZodType, FieldFacts>();
const objects = new WeakMap<z.core.$ZodType, ObjectFacts>();
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

export const stringsSchema = z
	.union([z.string(), z.array(z.string())])
	.transform((value) => (typeof value === "string" ? [value] : value));

const scalarText = () => z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]);

/** Text that needs no quotes: `3.10`, `007` and `true` are read as written. */
export const textSchema = noteField(scalarText(), { isText: true });

export const fullTextSchema = noteField(
	z.union([z.string().min(1), z.number().transform(String), z.boolean().transform(String)]),
	{ isText: true },
);

export const textsSchema = z
	.union([textSchema, z.array(textSchema)])
	.transform((value) => (Array.isArray(value) ? value : [value]));

/** YAML parses a bare `7` as a number, so numbers are read as written. */
export const idSchema = noteField(z.union([z.string().min(1), z.number().transform(String)]), { isText: true });

export const idsSchema = z.union([idSchema.transform((id) => [id]), z.array(idSchema)]);

export const fractionSchema = z.number().min(0).max(1);
/** More is a mistake, and sums of such numbers can't be serialized. */
const largestFigure = 1e15;
export const positiveSchema = z.number().positive().max(largestFigure);
export const countSchema = z.number().int().positive().max(1_000_000_000);
export const repeatCountSchema = z.number().int().positive().max(10_000);
/** Limited by the longest timer: a little less than 25 days. */
export const secondsSchema = z.number().positive().max(2_147_483);
export const millisecondsSchema = z.number().positive().max(2_147_483_647);
export const amountSchema = z.number().min(0).max(largestFigure);
export const dataSchema = z.record(z.string(), z.unknown());

export function toWireKey(name: string): string {
	return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

type Flat<T> = { [K in keyof T]: T[K] };

type WireKey<Name extends string> = Name extends `${infer Letter}${infer Rest}`
	? `${Letter extends Lowercase<Letter> ? Letter : `_${Lowercase<Letter>}`}${WireKey<Rest>}`
	: Name;

type WireObject<Shape extends z.ZodRawShape> = z.ZodType<
	Flat<z.output<z.ZodObject<Shape>>>,
	{ [Name in keyof z.input<z.ZodObject<Shape>> as WireKey<Name & string>]: z.input<z.ZodObject<Shape>>[Name] }
>;

const shapes = new WeakMap<z.core.$ZodType, z.ZodRawShape>();

/**
 * Declares an object of a file format by its TypeScript names. In files its keys are `snake_case`;
 * parsing yields the camelCase names. Unknown keys pass (validation reports them, see
 * `inspectFields`) and are dropped from the result. Names are translated only here.
 */
export function wireObject<Shape extends z.ZodRawShape>(shape: Shape): WireObject<Shape> {
	return makeWireObject(shape, false);
}

/** Rejects unknown keys, because ignoring one would change a verdict. */
export function strictWireObject<Shape extends z.ZodRawShape>(shape: Shape): WireObject<Shape> {
	return makeWireObject(shape, true);
}

function makeWireObject<Shape extends z.ZodRawShape>(shape: Shape, isStrict: boolean): WireObject<Shape> {
	const names = Object.keys(shape).map((name) => [name, toWireKey(name)] as const);
	const wireShape: Record<string, z.core.$ZodType> = {};
	for (const [name, key] of names) wireShape[key] = shape[name] as z.core.$ZodType;
	// A loose object would be slow: zod compiles only objects without a catch-all, which then parse
	// rows several times as fast.
	const wire = z.object(wireShape);
	if (isStrict) noteObject(wire, { isStrict });
	const translated = wire.transform((value) => {
		const result: Record<string, unknown> = {};
		for (const [name, key] of names) if (value[key] !== undefined) result[name] = value[key];
		return result;
	});
	// If all names are spelled the same, nothing needs translation. A refinement copies the
	// outermost schema, so a strict object stays inside.
	const schema = !isStrict && names.every(([name, key]) => name === key) ? wire : translated;
	shapes.set(wire, shape);
	return schema as z.ZodType as WireObject<Shape>;
}

function shapeOf(schema: z.core.$ZodType): z.ZodRawShape | undefined {
	const { def } = (schema as z.core.$ZodTypes)._zod;
	return shapes.get(def.type === "pipe" ? def.in : schema);
}

type Frozen<T> = T extends readonly (infer Item)[]
	? readonly Frozen<Item>[]
	: T extends object
		? { readonly [Key in keyof T]: Frozen<T[Key]> }
		: T;

type Encoder = (value: unknown) => unknown;

/** Undefined for values that are written as they are. */
const encoders = new WeakMap<z.core.$ZodType, Encoder | undefined>();

/**
 * Returns a value of `schema` as written to files: without undefined fields, keys of wire objects
 * in `snake_case` and in the value's order. Users' data keep their keys.
 */
export function encode<Schema extends z.ZodType>(schema: Schema, value: Frozen<z.output<Schema>>): z.input<Schema> {
	return (encoderOf(schema)?.(value) ?? value) as z.input<Schema>;
}

export function wireFieldsOf(schema: z.ZodType): ReadonlyMap<string, z.core.$ZodType> {
	return new Map(Object.entries(shapeOf(schema) ?? {}).map(([name, field]) => [toWireKey(name), field]));
}

function encoderOf(schema: z.core.$ZodType): Encoder | undefined {
	if (!encoders.has(schema)) encoders.set(schema, makeEncoder(schema as z.core.$ZodTypes));
	return encoders.get(schema);
}

function makeEncoder(schema: z.core.$ZodTypes): Encoder | undefined {
	const shape = shapeOf(schema);
	if (shape) return objectEncoder(shape);
	const { def } = schema._zod;
	if (def.type === "optional" || def.type === "nullable") return encoderOf(def.innerType);
	if (def.type === "lazy") return (value) => encode(def.getter() as z.ZodType, value);
	const item = def.type === "array" ? encoderOf(def.element) : undefined;
	return item && ((value) => (value as readonly unknown[]).map(item));
}

function objectEncoder(shape: z.ZodRawShape): Encoder {
	const fieldEncoders = new Map(Object.entries(shape).map(([name, field]) => [name, encoderOf(field)]));
	return (value) => {
		if (typeof value !== "object" || value === null) return value;
		const wire = toWire(value);
		for (const [name, field] of fieldEncoders) {
			const key = field && wireKeyOf(name);
			if (key !== undefined && wire[key] !== undefined) wire[key] = field?.(wire[key]);
		}
		return wire;
	};
}

/**
 * The field still loads, and validation suggests the replacement. `newer` is the sibling key with
 * the same meaning, if `instead` is more than that key.
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

/** Converts only the object's own keys to `snake_case`: nested ones can be users' data. */
export function toWire(object: object): Record<string, unknown> {
	const wire: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(object)) {
		if (value === undefined) continue;
		wire[wireKeyOf(name)] = value;
	}
	return wire;
}

function wireKeyOf(name: string): string {
	let key = wireKeys.get(name);
	if (key === undefined) {
		key = toWireKey(name);
		wireKeys.set(name, key);
	}
	return key;
}

/** A record as in JSON documents and Studio's responses: its keys in `snake_case`. */
export type Wire<Record> = Record extends readonly (infer Item)[]
	? readonly Wire<Item>[]
	: Record extends object
		? { readonly [Key in keyof Record as WireKey<Key & string>]: Wire<Record[Key]> }
		: Record;

/** Converts a whole record. Not for objects whose keys are a user's data. */
export function recordToWire<Record>(record: Record): Wire<Record> {
	if (Array.isArray(record)) return record.map(recordToWire) as Wire<Record>;
	if (typeof record !== "object" || record === null) return record as Wire<Record>;
	const wire = toWire(record);
	for (const [key, value] of Object.entries(wire)) wire[key] = recordToWire(value);
	return wire as Wire<Record>;
}
