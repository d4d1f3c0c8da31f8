import { z } from "zod";
import { noteField } from "./field-notes.ts";

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
