import { z } from "zod";
import { noteField } from "./field-notes.ts";

/** A command: a list is argv, a string is split into words (or, with shell metacharacters, goes to the shell). */
export const commandSchema = z.union([z.string().min(1), z.array(z.string()).min(1)]);
export type CommandText = z.output<typeof commandSchema>;

/** One string or several, read as a list. */
export const stringsSchema = z
	.union([z.string(), z.array(z.string())])
	.transform((value) => (typeof value === "string" ? [value] : value));

const scalarText = () => z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]);

/** Text that may be written without quotes: `3.10`, `007` and `true` are taken as they are written. */
export const textSchema = noteField(scalarText(), { isText: true });

/** The same, not empty. */
export const fullTextSchema = noteField(
	z.union([z.string().min(1), z.number().transform(String), z.boolean().transform(String)]),
	{ isText: true },
);

/** One such text or several, read as a list. */
export const textsSchema = z
	.union([textSchema, z.array(textSchema)])
	.transform((value) => (Array.isArray(value) ? value : [value]));

/** An identifier; YAML reads a bare `7` as a number, so numbers are taken as they are written. */
export const idSchema = noteField(z.union([z.string().min(1), z.number().transform(String)]), { isText: true });

/** One or several of them, read as a list. */
export const idsSchema = z.union([idSchema.transform((id) => [id]), z.array(idSchema)]);

export const fractionSchema = z.number().min(0).max(1);
export const positiveSchema = z.number().positive();
export const countSchema = z.number().int().positive();
export const dataSchema = z.record(z.string(), z.unknown());
