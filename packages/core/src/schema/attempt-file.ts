import { z } from "zod";
import { toolCallSchema } from "./message.ts";
import { dataSchema } from "./primitives.ts";
import {
	attemptFacts,
	cachedSchema,
	type findingSchema,
	type graderErrorSchema,
	graderFacts,
	graderUsageSchema,
	tokenUsageSchema,
	type Verdict,
} from "./result-row.ts";
import { wireObject } from "./wire-object.ts";

/** A grader's result, as recorded in an attempt's file; parts of a composite are nested. */
export interface GradedRecord {
	readonly name: string;
	readonly type: string;
	readonly score: number | null;
	readonly weight: number;
	readonly required: boolean;
	readonly verdict: Verdict;
	readonly stated?: "pass" | "fail" | undefined;
	readonly veto?: true | undefined;
	readonly error?: z.output<typeof graderErrorSchema> | undefined;
	readonly assertions: readonly z.output<typeof findingSchema>[];
	readonly details?: Readonly<Record<string, unknown>> | undefined;
	readonly usage?: z.output<typeof graderUsageSchema> | undefined;
	readonly parts?: readonly GradedRecord[] | undefined;
}

const gradedSchema: z.ZodType<GradedRecord> = z.lazy(() =>
	wireObject({
		...graderFacts,
		required: z.boolean(),
		stated: z.enum(["pass", "fail"]).optional(),
		details: dataSchema.optional(),
		usage: graderUsageSchema.optional(),
		parts: z.array(gradedSchema).optional(),
	}),
);

/** A target's response to the input, or to one turn of it. */
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

/** Output of a program in one stage of an attempt. */
const stageLogSchema = wireObject({
	/** `before_each`, `target`, `grade`, … */
	stage: z.string(),
	/** The hook, extension, target or grader that printed it. */
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
	/** Turns with graders that were skipped because an earlier turn failed. */
	unheldTurns: z.number().int().optional(),
	/** Calls until the response; absent for one. */
	tries: z.number().optional(),
	/** The fallback target that answered. */
	answeredBy: z.string().optional(),
	targetMetadata: dataSchema.optional(),
	/** The target's workspace changes, for `git apply`. */
	fileChangesPath: z.string().nullable(),
	/** What graders saw of them, if that differs: a line for each large or binary file. */
	fileChangesShownPath: z.string().optional(),
	/** Output of hooks, extensions, the target and graders, in order. */
	logs: z.array(stageLogSchema).optional(),
	/** The first 32 digits of each SHA-256, by the names in `run.json`. */
	files: z.record(z.string(), z.string()).optional(),
	/** The checked-out commits by repository path. */
	repositories: z.record(z.string(), z.string()).optional(),
	/** The files next to this one. */
	beside: z.array(wireObject({ path: z.string(), sha256: z.string() })).optional(),
	/** Present if secrets were redacted from the graded material. */
	masked: z.literal(true).optional(),
	/** Present if secrets were redacted, so that the original response is not recorded. */
	redacted: z.literal(true).optional(),
});
export type AttemptFile = z.output<typeof attemptFileSchema>;
export type AttemptTurn = z.output<typeof turnSchema>;
export type StageLog = z.output<typeof stageLogSchema>;
