import { z } from "zod";
import { wireObject } from "./wire-object.ts";

export const benchmarkIdPattern = /^[a-z0-9][a-z0-9._-]*$/;

export const benchmarkSourceSchema = wireObject({ url: z.string().min(1), ref: z.string().min(1).optional() });

export const benchmarkEntrySchema = wireObject({
	id: z
		.string()
		.regex(
			benchmarkIdPattern,
			"an id consists of lower-case letters, digits, '.', '_' and '-', and starts with a letter or digit",
		),
	name: z.string().optional(),
	path: z.string().min(1),
	source: benchmarkSourceSchema.optional(),
	addedAt: z.string().optional(),
});

/** Entries are parsed one by one, so that a bad one doesn't break the others. */
export const registryFileSchema = wireObject({ benchmarks: z.array(benchmarkEntrySchema).nullish() });

export type BenchmarkEntry = z.output<typeof benchmarkEntrySchema>;
