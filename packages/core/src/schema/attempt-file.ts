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

/** What a grader made of an answer, as an attempt's file holds it; the parts of a composite are nested. */
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

/** What a target answered to the input, or to one turn of it. */
const answered = {
	/** Null where there was no answer, or where it stands in `output_path`. */
	output: z.string().nullable(),
	/** Relative to the run's directory. */
	outputPath: z.string().optional(),
	tokenUsage: tokenUsageSchema.optional(),
	costUsd: z.number().optional(),
	cached: cachedSchema.optional(),
	llmCalls: z.number().optional(),
	expectedOutput: z.string().optional(),
	/** The graders as evals write them, defaults left out; of those that can't be graded again by the record alone only what they share. */
	assertions: z.array(dataSchema),
	scores: z.array(gradedSchema),
};

const messageRecordSchema = wireObject({
	role: z.string(),
	content: z.string().nullable(),
	contentPath: z.string().optional(),
	/** Its pieces, if a target returned files or images. */
	parts: z.array(dataSchema).optional(),
	toolCalls: z.array(toolCallSchema).optional(),
	durationMs: z.number().optional(),
});

const turnSchema = wireObject({
	...answered,
	input: z.unknown(),
	/** Which of the attempt's `messages` are this turn's: the next so many. */
	messageCount: z.number().int(),
	durationMs: z.number(),
	/** Absent if the turn has no graders of its own, or one of them could not run. */
	score: z.number().optional(),
	/** What the target had changed in the workspace by the end of this turn; recorded for turns with graders of their own. */
	fileChangesPath: z.string().optional(),
	fileChangesShownPath: z.string().optional(),
});

/** What a program printed in one stage of an attempt. */
const stageLogSchema = wireObject({
	/** `before_each`, `target`, `grade`, … */
	stage: z.string(),
	/** The hook, extension, target or grader that printed it. */
	name: z.string(),
	text: z.string(),
	/** Characters that were left out of the middle of `text`. */
	omitted: z.number().int().optional(),
});

/** `tests/<safe>/<attempt>.json`: everything about an attempt. */
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
	/** Turns with graders that a failed one before them kept from being held. */
	unheldTurns: z.number().int().optional(),
	/** Calls that the answer took, where it was more than one. */
	tries: z.number().optional(),
	/** The target that stepped in. */
	answeredBy: z.string().optional(),
	targetMetadata: dataSchema.optional(),
	/** What the target changed in the workspace, for `git apply`. */
	fileChangesPath: z.string().nullable(),
	/** What graders saw of that, if it is not the same text: a line for each large or binary file. */
	fileChangesShownPath: z.string().optional(),
	/** What hooks, extensions, the target and graders printed, in order. */
	logs: z.array(stageLogSchema).optional(),
	/** The files that the fingerprint covers, by the names that `run.json` gives them: the first 32 digits of each one's SHA-256. */
	files: z.record(z.string(), z.string()).optional(),
	/** The commits that the workspace got, by the paths of its repositories. */
	repositories: z.record(z.string(), z.string()).optional(),
	/** The files that stand beside this one. */
	beside: z.array(wireObject({ path: z.string(), sha256: z.string() })).optional(),
	/** Present where secrets were taken out of what was judged. */
	masked: z.literal(true).optional(),
	/** Present where secrets were taken out of the answer or of what it changed: what the target answered is not on record. */
	redacted: z.literal(true).optional(),
});
export type AttemptFile = z.output<typeof attemptFileSchema>;
export type AttemptTurn = z.output<typeof turnSchema>;
export type StageLog = z.output<typeof stageLogSchema>;
