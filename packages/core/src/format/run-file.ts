import { z } from "zod";
import { amountSchema, dataSchema, encode, wireObject } from "./codec.ts";
import { toolCallSchema } from "./eval-file.ts";

const plannedTargetSchema = wireObject({
	name: z.string(),
	provider: z.string(),
	/** Settings with secrets redacted. */
	settings: dataSchema,
	/** From the chosen target to the one with the provider. */
	via: z.array(z.string()),
	facts: z.record(z.string(), z.string()).optional(),
});

const plannedEvalSchema = wireObject({
	/** Relative to its repository, bundle or directory; the eval's name in rows. */
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

const plannedRepeatSchema = wireObject({
	count: z.number().int().positive(),
	strategy: z.enum(["mean", "pass_any", "pass_all"]),
	earlyExit: z.boolean(),
});

/** `[index in evals, test id, target]`, with its repeat if it has several attempts. */
const plannedTestSchema = z.tuple([z.number(), z.string(), z.string(), plannedRepeatSchema.optional()]);

export type PlannedTest = z.output<typeof plannedTestSchema>;

/** Copying a hundred thousand arrays takes time, and many lasting ones make V8 slow. */
const plannedListSchema = z.custom<unknown[]>(Array.isArray).transform((list, context): PlannedTest[] =>
	list.map((test) => {
		if (isPlain(test)) return test;
		const { data } = plannedTestSchema.safeParse(test);
		if (data) return data;
		context.addIssue("expected a planned test");
		return z.NEVER;
	}),
);

function isPlain(test: unknown): test is [number, string, string] {
	if (!Array.isArray(test) || test.length !== 3) return false;
	const [index, testId, target] = test;
	return typeof index === "number" && typeof testId === "string" && typeof target === "string";
}

const shardSchema = wireObject({
	/** 1-based shard of this run; absent in a merged run, and in a run of missing tests. */
	index: z.number().int().positive().optional(),
	count: z.number().int().positive(),
	balancedBy: z.string().optional(),
	/** In the order of the whole run's list, the shard of each test. */
	assigned: z.array(z.number().int().positive()),
});

const mergedRunSchema = wireObject({
	runId: z.string(),
	startedAt: z.string(),
	shard: z.number().int().positive().optional(),
});

const originSchema = wireObject({
	/** `regrade`: same answers. `rerun_failed`: only the tests that did not pass. */
	kind: z.enum(["regrade", "rerun_failed"]),
	runId: z.string(),
	/** Absolute, at that time. */
	path: z.string(),
	/** Graders that ran again; absent: all. */
	graders: z.array(z.string()).optional(),
});

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

const provenanceFields = {
	agentvVersion: z.string(),
	nodeVersion: z.string(),
	evals: z.array(plannedEvalSchema),
	targets: z.array(plannedTargetSchema),
	git: wireObject({ commit: z.string(), branch: z.string().optional(), dirty: z.boolean() }).optional(),
	benchmark: wireObject({ id: z.string(), revision: z.string().optional() }).optional(),
	bundle: wireObject({ name: z.string(), digest: z.string() }).optional(),
	origin: originSchema.optional(),
	opaque: z.array(z.object({ what: z.string(), why: z.string() })).optional(),
	/** Workspace repositories with the checked-out SHA; known once they are prepared. */
	repositories: z.array(repositorySchema).optional(),
};
export const provenanceSchema = wireObject(provenanceFields);

export const runFileSchema = wireObject({
	formatVersion: z.literal(1),
	runId: z.string(),
	experiment: z.string(),
	startedAt: z.string(),
	...provenanceFields,
	flags: flagsSchema,
	/** Tests × targets in order. */
	planned: plannedListSchema,
	shard: shardSchema.optional(),
	/** For a part of a larger run: the tests of the whole, in order. */
	whole: plannedListSchema.optional(),
	merged: z.array(mergedRunSchema).optional(),
	/** Every file covered by fingerprints, as of the start or last resume of the run. */
	files: z.array(coveredFileSchema).optional(),
	/** Digests of the values of variables that evals use, by name; without secrets. */
	variables: z.record(z.string(), z.string()).optional(),
	graderTargets: z.array(plannedTargetSchema).optional(),
	/** For each planned test the first eight digits of its fingerprint's parts, joined by dots. */
	fingerprints: z.array(z.string()).optional(),
});
export type RunFile = z.output<typeof runFileSchema>;
export type RunOriginRecord = z.output<typeof originSchema>;
export type ShardRecord = z.output<typeof shardSchema>;
export type PlannedTargetRecord = z.output<typeof plannedTargetSchema>;

const executionStatuses = ["ok", "quality_failure", "execution_error"] as const;
export type ExecutionStatus = (typeof executionStatuses)[number];

const findingSchema = wireObject({ text: z.string(), passed: z.boolean(), evidence: z.string().optional() });

const tokenUsageSchema = wireObject({
	input: amountSchema,
	output: amountSchema,
	cached: amountSchema.optional(),
	reasoning: amountSchema.optional(),
});

const stopReasons = ["refusal", "length", "content_filter", "max_turns"] as const;
export type StopReason = (typeof stopReasons)[number];

/** Original figures of a cached response; the row's own figures are those of this run. */
const cachedSchema = wireObject({
	durationMs: amountSchema.optional(),
	tokenUsage: tokenUsageSchema.optional(),
	costUsd: amountSchema.optional(),
});
export type CachedFigures = z.output<typeof cachedSchema>;

const graderUsageSchema = wireObject({
	target: z.string(),
	model: z.string().optional(),
	tokenUsage: tokenUsageSchema.optional(),
	costUsd: amountSchema.optional(),
});

const verdicts = ["pass", "fail", "not_judged"] as const;

const graderErrorSchema = wireObject({ code: z.string(), message: z.string() });

const graderFacts = {
	name: z.string(),
	type: z.string(),
	/** 0 to 1; null if the grader could not run. */
	score: z.number().nullable(),
	weight: amountSchema,
	verdict: z.enum(verdicts),
	/** Present if the grader fails the answer regardless of its score: the test fails, too. */
	veto: z.literal(true).optional(),
	/** Present exactly if `verdict` is `not_judged`. */
	error: graderErrorSchema.optional(),
	assertions: z.array(findingSchema),
};

const scoreSchema = wireObject({
	...graderFacts,
	/** Only for graders with a model; separate from the tested target's usage. */
	usage: graderUsageSchema.optional(),
});

const fingerprintSchema = wireObject({
	test: z.string(),
	graders: z.string(),
	workspace: z.string(),
	hooks: z.string(),
	target: z.string(),
});

/** `error.stage` of an attempt whose response is recorded, but whose graders could not all run. */
export const graderStage = "grader";

/**
 * What kept an attempt from being graded. `agent`: the tested agent, by its actions (it exited
 * with an error, hit a limit, gave no readable answer or too much of it, removed its workspace) or
 * because a test that this one depends on failed. `provider`: the server of a model. `grader`: a
 * grader or its model. `machine`: the disk was full, or files or processes ran out.
 */
export const errorCauses = ["agent", "provider", "grader", "machine"] as const;
export type ErrorCause = (typeof errorCauses)[number];

const rowErrorSchema = wireObject({
	stage: z.string(),
	code: z.string(),
	message: z.string(),
	/** Absent for other causes, such as a hook, a template or a setting. */
	causedBy: z.enum(errorCauses).optional(),
});

/** Milliseconds per stage. `grade` excludes `judge`, the time of models that grade. */
const timingsSchema = wireObject({
	prepare: amountSchema,
	/** Includes extensions; before and after. */
	hooks: amountSchema,
	/** Includes retries. */
	target: amountSchema,
	grade: amountSchema,
	judge: amountSchema,
});

export const attemptFacts = {
	timestamp: z.string(),
	testId: z.string(),
	eval: z.string(),
	target: z.string(),
	attempt: z.number().int(),
	score: z.number(),
	threshold: z.number(),
	executionStatus: z.enum(executionStatuses),
	error: rowErrorSchema.optional(),
	warnings: z.array(rowErrorSchema).optional(),
	/** Of the target alone, also in rows without a response; 0 if it was never called. */
	durationMs: amountSchema,
	tokenUsage: tokenUsageSchema.optional(),
	costUsd: amountSchema.optional(),
	stopReason: z.enum(stopReasons).optional(),
	cached: cachedSchema.optional(),
	workspacePath: z.string().optional(),
	timingsMs: timingsSchema.optional(),
	metadata: z.record(z.string(), z.unknown()),
	fingerprint: fingerprintSchema.optional(),
	/** The inputs of this graded attempt had changed, so it was run again. */
	rerun: z.literal("changed").optional(),
};

/** A finished attempt: one line of `index.jsonl`. */
export const resultRowSchema = wireObject({
	...attemptFacts,
	scores: z.array(scoreSchema),
	file: z.string().optional(),
	/** Hexadecimal; reveals later changes of the file. */
	fileSha256: z.string().optional(),
});

const { testId, target, attempt, score, threshold, executionStatus, error, durationMs, tokenUsage, costUsd } =
	attemptFacts;

/** Used for tables and comparisons; of graders only the usage of their models. */
export const tableRowSchema = wireObject({
	...{ testId, eval: attemptFacts.eval, target, attempt, score, threshold, executionStatus, error },
	...{ durationMs, tokenUsage, costUsd },
	/** Unknown if one of its parts is missing. */
	fingerprint: fingerprintSchema.optional().catch(undefined),
	scores: z.array(wireObject({ usage: graderUsageSchema.optional() })),
	file: z.string().optional(),
});
export type TableRow = z.output<typeof tableRowSchema>;
export type TableRowRecord = z.input<typeof tableRowSchema>;

export type ResultRow = z.output<typeof resultRowSchema>;
export type RowScore = z.output<typeof scoreSchema>;
export type Timings = z.output<typeof timingsSchema>;
export type RowError = z.output<typeof rowErrorSchema>;
export type Fingerprint = z.output<typeof fingerprintSchema>;
export const fingerprintParts = [
	"test",
	"graders",
	"workspace",
	"hooks",
	"target",
] as const satisfies (keyof Fingerprint)[];

/** `summary.json`: counts are tests × targets, independent of the number of attempts. */
export const runSummarySchema = wireObject({
	planned: z.number(),
	passed: z.number(),
	failed: z.number(),
	errors: z.number(),
	/** Caused by the tested agent. Absent in summaries of earlier versions. */
	errorsByAgent: z.number().optional(),
	/** Over graded tests; null if there are none. */
	meanScore: z.number().nullable(),
	/** Counts 0 for each of `errors_by_agent`. Absent in earlier versions. */
	meanScoreLowerBound: z.number().nullable().optional(),
	durationMs: amountSchema,
	tokenUsage: tokenUsageSchema.nullable(),
	costUsd: amountSchema.nullable(),
	/** Only of models that grade; absent if there were none. */
	graderTokenUsage: tokenUsageSchema.optional(),
	graderCostUsd: amountSchema.optional(),
});
export type RunSummary = z.output<typeof runSummarySchema>;

/** Converts to the form in `index.jsonl` and JSON reports. */
export function toWireRow(row: ResultRow) {
	return encode(resultRowSchema, row);
}

/** Converts to the form in `summary.json` and JSON reports. */
export function toWireSummary(summary: RunSummary) {
	return encode(runSummarySchema, summary);
}

/** In an attempt's file the parts of a composite are nested. */
const gradedFields = {
	...graderFacts,
	required: z.boolean(),
	stated: z.enum(["pass", "fail"]).optional(),
	details: dataSchema.optional(),
	usage: graderUsageSchema.optional(),
};
const flatGradedSchema = wireObject(gradedFields);
export type GradedRecord = Omit<z.output<typeof flatGradedSchema>, "assertions"> & {
	readonly assertions: readonly z.output<typeof findingSchema>[];
	readonly parts?: readonly GradedRecord[] | undefined;
};
type GradedWire = z.input<typeof flatGradedSchema> & { readonly parts?: GradedWire[] | undefined };
const gradedSchema = wireObject({
	...gradedFields,
	parts: z.array(z.lazy((): z.ZodType => gradedSchema)).optional(),
}) as z.ZodType<GradedRecord, GradedWire>;

const answered = {
	/** Null without a response, or if it is in `output_path`. */
	output: z.string().nullable(),
	/** Relative to the run's directory. */
	outputPath: z.string().optional(),
	tokenUsage: tokenUsageSchema.optional(),
	costUsd: z.number().optional(),
	cached: cachedSchema.optional(),
	llmCalls: z.number().optional(),
	expectedOutput: z.string().optional(),
	/** As written, without defaults; non-reproducible graders only have the common fields. */
	assertions: z.array(dataSchema),
	scores: z.array(gradedSchema),
};

const messageRecordSchema = wireObject({
	role: z.string(),
	content: z.string().nullable(),
	contentPath: z.string().optional(),
	/** Present if a target returned files or images. */
	parts: z.array(dataSchema).optional(),
	toolCalls: z.array(toolCallSchema).optional(),
	durationMs: z.number().optional(),
});

const turnSchema = wireObject({
	...answered,
	input: z.unknown(),
	/** How many of the attempt's next `messages` belong to this turn. */
	messageCount: z.number().int(),
	durationMs: z.number(),
	/** Absent if the turn has no graders of its own, or one of them could not run. */
	score: z.number().optional(),
	/** Workspace changes so far; recorded for turns with their own graders. */
	fileChangesPath: z.string().optional(),
	fileChangesShownPath: z.string().optional(),
});

const stageLogSchema = wireObject({
	/** `before_each`, `target`, `grade`, … */
	stage: z.string(),
	name: z.string(),
	text: z.string(),
	/** Characters omitted from the middle of `text`. */
	omitted: z.number().int().optional(),
});

/** `tests/<safe>/<attempt>.json`: the complete record of an attempt. */
export const attemptFileSchema = wireObject({
	...attemptFacts,
	...answered,
	description: z.string().optional(),
	conversationId: z.string().optional(),
	input: z.unknown(),
	criteria: z.string().optional(),
	messages: z.array(messageRecordSchema).optional(),
	turns: z.array(turnSchema).optional(),
	aggregation: z.enum(["mean", "min", "max"]).optional(),
	/** Counts turns with graders that were skipped because an earlier turn failed. */
	unheldTurns: z.number().int().optional(),
	/** Includes the call with the response; absent for one call. */
	tries: z.number().optional(),
	/** Present if a fallback target answered. */
	answeredBy: z.string().optional(),
	targetMetadata: dataSchema.optional(),
	/** Workspace changes by the target, for `git apply`. */
	fileChangesPath: z.string().nullable(),
	/** Present if graders saw something else: a line for each large or binary file. */
	fileChangesShownPath: z.string().optional(),
	logs: z.array(stageLogSchema).optional(),
	/** The first 32 digits of each SHA-256, by the names in `run.json`. */
	files: z.record(z.string(), z.string()).optional(),
	/** By repository path. */
	repositories: z.record(z.string(), z.string()).optional(),
	beside: z.array(wireObject({ path: z.string(), sha256: z.string() })).optional(),
	/** Present if secrets were redacted from the graded material. */
	masked: z.literal(true).optional(),
	/** Present if secrets were redacted, so that the original response is not recorded. */
	redacted: z.literal(true).optional(),
});
export type AttemptFile = z.output<typeof attemptFileSchema>;
export type AttemptRecord = z.input<typeof attemptFileSchema>;
export type AttemptTurn = z.output<typeof turnSchema>;
export type StageLog = z.output<typeof stageLogSchema>;
