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
/** More of anything is a slip, and sums of such figures can't be written any more. */
export const largestFigure = 1e15;
export const positiveSchema = z.number().positive().max(largestFigure);
export const countSchema = z.number().int().positive().max(1_000_000_000);
/** Attempts of one test. */
export const repeatCountSchema = z.number().int().positive().max(10_000);
/** What a timer can wait: a little less than 25 days. */
export const secondsSchema = z.number().positive().max(2_147_483);
export const millisecondsSchema = z.number().positive().max(2_147_483_647);
/** A weight, a bound or a price. */
export const amountSchema = z.number().min(0).max(largestFigure);
export const dataSchema = z.record(z.string(), z.unknown());
