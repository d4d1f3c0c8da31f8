import { z } from "zod";
import { dataSchema } from "./primitives.ts";
import { wireObject } from "./wire-object.ts";

const plannedTargetSchema = wireObject({
	name: z.string(),
	provider: z.string(),
	/** Settings with secrets out. */
	settings: dataSchema,
	/** Names from the chosen one to the one that has the provider. */
	via: z.array(z.string()),
	/** What the target says of itself: versions. */
	facts: z.record(z.string(), z.string()).optional(),
});

const plannedEvalSchema = wireObject({
	/** Relative to the repository (or bundle, or directory) that it belongs to; rows name their eval so. */
	file: z.string(),
	/** Absolute, where it was run. */
	path: z.string(),
	name: z.string(),
	/** SHA-256 of the eval file and of every file that loading it read. */
	digest: z.string(),
});

const repositorySchema = wireObject({
	path: z.string(),
	repo: z.string(),
	requested: z.string().optional(),
	sha: z.string(),
});

const repeatSchema = wireObject({
	count: z.number().int(),
	strategy: z.enum(["mean", "pass_any", "pass_all"]),
	earlyExit: z.boolean(),
});

/** `run.json`: what was run. */
export const runFileSchema = wireObject({
	formatVersion: z.literal(1),
	runId: z.string(),
	experiment: z.string(),
	startedAt: z.string(),
	agentvVersion: z.string(),
	nodeVersion: z.string(),
	evals: z.array(plannedEvalSchema),
	targets: z.array(plannedTargetSchema),
	git: wireObject({ commit: z.string(), branch: z.string().optional(), dirty: z.boolean() }).optional(),
	benchmark: wireObject({ id: z.string(), revision: z.string().optional() }).optional(),
	bundle: wireObject({ name: z.string(), digest: z.string() }).optional(),
	flags: dataSchema,
	/** Tests × targets in their order: `[index in evals, test id, target]`, and where a test is run several times how that counts. */
	planned: z.array(z.tuple([z.number(), z.string(), z.string(), repeatSchema.optional()])),
	/** Repositories of workspaces with the SHA that was checked out; known once they are prepared. */
	repositories: z.array(repositorySchema).optional(),
});
export type RunFile = z.output<typeof runFileSchema>;
export type PlannedTargetRecord = z.output<typeof plannedTargetSchema>;
