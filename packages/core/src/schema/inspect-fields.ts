import type { z } from "zod";
import type { DocumentPath } from "../base/diagnostic.ts";

/** A key that a schema does not know, or knows as an older spelling. */
export interface FieldNote {
	readonly kind: "unknown" | "older";
	readonly path: DocumentPath;
	readonly key: string;
	/** Keys that the schema knows at this place (for the nearest name). */
	readonly known: readonly string[];
	/** For `older`: what to write now. */
	readonly instead?: string;
}

type Definition = {
	type: string;
	shape?: Record<string, z.ZodType>;
	element?: z.ZodType;
	valueType?: z.ZodType;
	innerType?: z.ZodType;
	in?: z.ZodType;
	options?: z.ZodType[];
	getter?: () => z.ZodType;
};

/** Walks `value` beside its schema and yields unknown and older keys. Assumes nothing about validity. */
export function* inspectFields(schema: z.ZodType, value: unknown, path: DocumentPath = []): Generator<FieldNote> {
	const definition = schema.def as unknown as Definition;
	switch (definition.type) {
		case "object":
			if (isRecord(value)) yield* inspectObject(definition.shape ?? {}, value, path);
			return;
		case "array":
			if (Array.isArray(value) && definition.element) {
				for (const [index, item] of value.entries()) yield* inspectFields(definition.element, item, [...path, index]);
			}
			return;
		case "record":
			if (isRecord(value) && definition.valueType) {
				for (const [key, item] of Object.entries(value))
					yield* inspectFields(definition.valueType, item, [...path, key]);
			}
			return;
		case "union": {
			const fitting = definition.options?.find((option) => option.safeParse(value).success);
			if (fitting) yield* inspectFields(fitting, value, path);
			return;
		}
		case "pipe":
			if (definition.in) yield* inspectFields(definition.in, value, path);
			return;
		case "lazy":
			if (definition.getter) yield* inspectFields(definition.getter(), value, path);
			return;
		default:
			if (definition.innerType) yield* inspectFields(definition.innerType, value, path);
	}
}

function* inspectObject(
	shape: Record<string, z.ZodType>,
	value: Record<string, unknown>,
	path: DocumentPath,
): Generator<FieldNote> {
	for (const [key, item] of Object.entries(value)) {
		const field = shape[key];
		if (!field) {
			yield { kind: "unknown", path: [...path, key], key, known: Object.keys(shape) };
			continue;
		}
		const instead = field.meta()?.instead;
		if (typeof instead === "string") yield { kind: "older", path: [...path, key], key, known: [], instead };
		yield* inspectFields(field, item, [...path, key]);
	}
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
