import { z } from "zod";
import { amountSchema } from "./primitives.ts";
import { toWire } from "./to-wire.ts";
import { wireObject } from "./wire-object.ts";

export const executionStatuses = ["ok", "quality_failure", "execution_error"] as const;
export type ExecutionStatus = (typeof executionStatuses)[number];

export const findingSchema = wireObject({ text: z.string(), passed: z.boolean(), evidence: z.string().optional() });

export const tokenUsageSchema = wireObject({
	input: amountSchema,
	output: amountSchema,
	cached: amountSchema.optional(),
	reasoning: amountSchema.optional(),
});

/** Why a response ended early. */
export const stopReasons = ["refusal", "length", "content_filter", "max_turns"] as const;
export type StopReason = (typeof stopReasons)[number];

/** The original cost of a cached response; the row's own figures are those of this run. */
export const cachedSchema = wireObject({
	durationMs: amountSchema.optional(),
	tokenUsage: tokenUsageSchema.optional(),
	costUsd: amountSchema.optional(),
});
export type CachedFigures = z.output<typeof cachedSchema>;

export const graderUsageSchema = wireObject({
	target: z.string(),
	model: z.string().optional(),
	tokenUsage: tokenUsageSchema.optional(),
	costUsd: amountSchema.optional(),
});

export const verdicts = ["pass", "fail", "not_judged"] as const;
export type Verdict = (typeof verdicts)[number];

export const graderErrorSchema = wireObject({ code: z.string(), message: z.string() });

/** A grader's result, in rows and in attempt files. */
export const graderFacts = {
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

export const scoreSchema = wireObject({
	...graderFacts,
	/** For model-based graders: the model and its usage, separate from the tested target's. */
	usage: graderUsageSchema.optional(),
});

export const fingerprintSchema = wireObject({
	test: z.string(),
	graders: z.string(),
	workspace: z.string(),
	hooks: z.string(),
	target: z.string(),
});

/** `error.stage` of an attempt whose response is recorded, but whose graders could not all run. */
export const graderStage = "grader";

/**
 * Who kept an attempt from being graded. `agent`: what is tested, by its actions (it exited with an
 * error, hit a limit, gave no readable answer or too much of it, removed its workspace) or because
 * a test that this one depends on failed. `provider`: the server of a model. `grader`: a grader or
 * its model. `machine`: the disk was full, or files or processes ran out.
 */
export const errorCauses = ["agent", "provider", "grader", "machine"] as const;
export type ErrorCause = (typeof errorCauses)[number];

export const rowErrorSchema = wireObject({
	stage: z.string(),
	code: z.string(),
	message: z.string(),
	/** Absent for other causes: a hook, a template or a setting, for example. */
	causedBy: z.enum(errorCauses).optional(),
});

/** Milliseconds per stage. `grade` excludes `judge`, the time of models that grade. */
export const timingsSchema = wireObject({
	/** Template, repositories and copying them. */
	prepare: amountSchema,
	/** Hooks and extensions, before and after. */
	hooks: amountSchema,
	/** The target alone, retries included. */
	target: amountSchema,
	grade: amountSchema,
	judge: amountSchema,
});

/** Fields of both an attempt's row and its file. */
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
	/** Why a graded attempt was run again: its inputs had changed. */
	rerun: z.literal("changed").optional(),
};

/** One line of `index.jsonl`: a finished attempt. */
export const resultRowSchema = wireObject({
	...attemptFacts,
	scores: z.array(scoreSchema),
	/** The attempt's file, relative to the run's directory. */
	file: z.string().optional(),
	/** Hexadecimal SHA-256 of that file: it reveals later changes. */
	fileSha256: z.string().optional(),
});

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
	/** The part of `errors` that the tested agent caused. Absent in summaries of earlier versions. */
	errorsByAgent: z.number().optional(),
	/** Over graded tests; null if there are none. */
	meanScore: z.number().nullable(),
	/** Counting 0 for each of `errors_by_agent`. Absent in earlier versions. */
	meanScoreLowerBound: z.number().nullable().optional(),
	durationMs: amountSchema,
	tokenUsage: tokenUsageSchema.nullable(),
	costUsd: amountSchema.nullable(),
	/** Usage of models that grade, separate from the tested targets'; absent if there were none. */
	graderTokenUsage: tokenUsageSchema.optional(),
	graderCostUsd: amountSchema.optional(),
});
export type RunSummary = z.output<typeof runSummarySchema>;

/** Returns a row as in `index.jsonl` and JSON reports. */
export function toWireRow(row: ResultRow): Record<string, unknown> {
	const wire = toWire(row);
	if (row.cached) wire.cached = toWire(row.cached);
	if (row.error?.causedBy) wire.error = toWire(row.error);
	// Few rows have model-based graders: the others are not copied.
	if (row.scores.some(({ usage }) => usage))
		wire.scores = row.scores.map((score) => (score.usage ? { ...score, usage: toWire(score.usage) } : score));
	return wire;
}

/** Returns a summary as in `summary.json` and JSON reports. */
export function toWireSummary(summary: RunSummary): Record<string, unknown> {
	return toWire(summary);
}
