import { z } from "zod";
import { dataSchema } from "./primitives.ts";
import { wireObject } from "./wire-object.ts";

const plannedTargetSchema = wireObject({
	name: z.string(),
	provider: z.string(),
	/** Settings with secrets redacted. */
	settings: dataSchema,
	/** Names from the chosen target to the one with the provider. */
	via: z.array(z.string()),
	/** Versions that the target reports. */
	facts: z.record(z.string(), z.string()).optional(),
});

const plannedEvalSchema = wireObject({
	/** Relative to its repository (or bundle, or directory); the eval's name in rows. */
	file: z.string(),
	/** Absolute, on the machine of the run. */
	path: z.string(),
	name: z.string(),
	/** SHA-256 of the eval file and of every file read while loading it. */
	digest: z.string(),
});

const repositorySchema = wireObject({
	path: z.string(),
	repo: z.string(),
	requested: z.string().optional(),
	/** Number of commits before the requested one; absent: none. */
	ancestor: z.number().optional(),
	sha: z.string(),
});

/** A file or directory that results depend on. */
const coveredFileSchema = z.object({
	/** Relative to the eval's root; absolute if outside. */
	path: z.string(),
	/** SHA-256 of a file; of a directory, of all its files' digests. */
	sha256: z.string(),
	/** `eval` and `targets` for files that count by their meaning for a test. */
	parts: z.array(z.string()),
	/** For a directory with at most 10,000 files: digest and mode of each, by relative path. */
	members: z.record(z.string(), z.string()).optional(),
});
export type CoveredFile = z.output<typeof coveredFileSchema>;

/** How a test's attempts are combined, if it has several. */
const plannedRepeatSchema = wireObject({
	count: z.number().int().positive(),
	strategy: z.enum(["mean", "pass_any", "pass_all"]),
	earlyExit: z.boolean(),
});

/** `[index in evals, test id, target]`, with its repeat if it has several attempts. */
const plannedTestSchema = z.tuple([z.number(), z.string(), z.string(), plannedRepeatSchema.optional()]);

export type PlannedTest = z.output<typeof plannedTestSchema>;

/**
 * Tests without repeat are not copied: of a hundred thousand tests each would be created again, and
 * so many lasting arrays make V8 slow at reading rows, too.
 */
const plannedListSchema = z.custom<unknown[]>(Array.isArray).transform((list, context): PlannedTest[] =>
	list.map((one) => {
		if (isPlain(one)) return one;
		const { data } = plannedTestSchema.safeParse(one);
		if (data) return data;
		context.addIssue("expected a planned test");
		return z.NEVER;
	}),
);

function isPlain(one: unknown): one is [number, string, string] {
	if (!Array.isArray(one) || one.length !== 3) return false;
	const [index, testId, target] = one;
	return typeof index === "number" && typeof testId === "string" && typeof target === "string";
}

/** How the tests of a run are divided among shards. */
const shardSchema = wireObject({
	/** 1-based shard of this run; absent in a merged run, and in a run of missing tests. */
	index: z.number().int().positive().optional(),
	count: z.number().int().positive(),
	/** The id of the run whose durations balanced the shards. */
	balancedBy: z.string().optional(),
	/** The shard of each test of the whole, in the order of their list. */
	assigned: z.array(z.number().int().positive()),
});

const mergedRunSchema = wireObject({
	runId: z.string(),
	startedAt: z.string(),
	shard: z.number().int().positive().optional(),
});

/** The run that a run is based on. */
const originSchema = wireObject({
	/** `regrade`: same answers. `rerun_failed`: the tests that did not pass. */
	kind: z.enum(["regrade", "rerun_failed"]),
	runId: z.string(),
	/** Absolute, at that time. */
	path: z.string(),
	/** Names of the graders that ran again; absent: all. */
	graders: z.array(z.string()).optional(),
});

/** Options that determine which tests run and how they are graded, as in a request. */
const flagsSchema = z.looseObject({
	targets: z.array(z.string()).optional(),
	tests: z.array(z.string()).optional(),
	tags: z.array(z.string()).optional(),
	excludeTags: z.array(z.string()).optional(),
	graderTarget: z.string().optional(),
	limit: z.number().optional(),
	threshold: z.number().optional(),
	repeat: z.number().optional(),
	timeoutSeconds: z.number().optional(),
	experiment: z.string().optional(),
	targetsFile: z.string().optional(),
	envFile: z.string().optional(),
	onlyMissing: z.string().optional(),
	shard: z.object({ index: z.number(), count: z.number() }).optional(),
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
	flags: flagsSchema,
	/** Tests × targets in order. */
	planned: plannedListSchema,
	shard: shardSchema.optional(),
	/** For a part of a larger run: the tests of the whole, in order. */
	whole: plannedListSchema.optional(),
	/** The runs that were merged into this one. */
	merged: z.array(mergedRunSchema).optional(),
	origin: originSchema.optional(),
	/** Every file covered by fingerprints, as of the start or last resume of the run. */
	files: z.array(coveredFileSchema).optional(),
	/** What results depend on that fingerprints can't cover. */
	opaque: z.array(z.object({ what: z.string(), why: z.string() })).optional(),
	/** Digests of the values of variables that evals use, by name; without secrets. */
	variables: z.record(z.string(), z.string()).optional(),
	/** Targets that grade, as in `targets`. */
	graderTargets: z.array(plannedTargetSchema).optional(),
	/** For each planned test the first eight digits of its fingerprint's parts, joined by dots. */
	fingerprints: z.array(z.string()).optional(),
	/** Workspace repositories with the checked-out SHA; known once they are prepared. */
	repositories: z.array(repositorySchema).optional(),
});
export type RunFile = z.output<typeof runFileSchema>;
export type RunOriginRecord = z.output<typeof originSchema>;
export type ShardRecord = z.output<typeof shardSchema>;
export type PlannedTargetRecord = z.output<typeof plannedTargetSchema>;
