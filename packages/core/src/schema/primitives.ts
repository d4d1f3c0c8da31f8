import { z } from "zod";

/** A command: a list is argv, a string is split into words (or, with shell metacharacters, goes to the shell). */
export const commandSchema = z.union([z.string().min(1), z.array(z.string()).min(1)]);
export type CommandText = z.output<typeof commandSchema>;

/** One string or several, read as a list. */
export const stringsSchema = z
	.union([z.string(), z.array(z.string())])
	.transform((value) => (typeof value === "string" ? [value] : value));

/** An identifier; YAML reads a bare `7` as a number, so numbers are taken (the loader restores their spelling). */
export const idSchema = z.union([z.string().min(1), z.number().transform(String)]);

/** One or several of them, read as a list. */
export const idsSchema = z.union([idSchema.transform((id) => [id]), z.array(idSchema)]);

export const fractionSchema = z.number().min(0).max(1);
export const positiveSchema = z.number().positive();
export const countSchema = z.number().int().positive();
export const dataSchema = z.record(z.string(), z.unknown());
