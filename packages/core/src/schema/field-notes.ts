import type { z } from "zod";

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
const nothing: FieldFacts = {};

export function noteField<Schema extends z.core.$ZodType>(schema: Schema, facts: FieldFacts): Schema {
	fields.set(schema, { ...fields.get(schema), ...facts });
	return schema;
}

export function noteObject(schema: z.core.$ZodType, facts: ObjectFacts): void {
	objects.set(schema, facts);
}

export function factsOfField(schema: z.core.$ZodType): FieldFacts {
	return fields.get(schema) ?? nothing;
}

export function isStrictObject(schema: z.core.$ZodType): boolean {
	return objects.get(schema)?.isStrict ?? false;
}
