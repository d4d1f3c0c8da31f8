import type { z } from "zod";

/** What a format says about a field beyond the shape of its value. */
export interface FieldFacts {
	/** The key next to it that is today's spelling of it. */
	readonly newer?: string;
	/** The same of a field inside an older block: the key next to that block. */
	readonly outer?: string;
	readonly unsupported?: {
		readonly hint: string;
		readonly severity?: "error" | "warning";
		readonly allows?: (value: unknown) => boolean;
	};
	/** Numbers (and booleans) are read as the text that is written, so that `007` and `3.10` stay what they are. */
	readonly isText?: boolean;
}

export interface ObjectFacts {
	readonly isStrict: boolean;
}

// Not zod's own metadata: that goes into the published JSON Schemas.
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
