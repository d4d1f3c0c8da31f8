import { z } from "zod";
import { toolCallSchema } from "./message.ts";
import { dataSchema } from "./primitives.ts";
import { attemptFacts, findingSchema, graderUsageSchema, tokenUsageSchema } from "./result-row.ts";
import { wireObject } from "./wire-object.ts";

/** A grader's judgement as an attempt's file holds it; the parts of a composite lie within. */
export interface GradedRecord {
	readonly name: string;
	readonly type: string;
	readonly score: number;
	readonly weight: number;
	readonly required: boolean;
	readonly verdict: "pass" | "fail";
	readonly assertions: readonly z.output<typeof findingSchema>[];
	readonly details?: Readonly<Record<string, unknown>> | undefined;
	readonly usage?: z.output<typeof graderUsageSchema> | undefined;
	readonly parts?: readonly GradedRecord[] | undefined;
}

const gradedSchema: z.ZodType<GradedRecord> = z.lazy(() =>
	wireObject({
		name: z.string(),
		type: z.string(),
		score: z.number(),
		weight: z.number(),
		required: z.boolean(),
		verdict: z.enum(["pass", "fail"]),
		assertions: z.array(findingSchema),
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
	toolCalls: z.array(toolCallSchema).optional(),
	durationMs: z.number().optional(),
});

const turnSchema = wireObject({
	...answered,
	input: z.unknown(),
	/** Which of the attempt's `messages` are this turn's: the next so many. */
	messageCount: z.number().int(),
	durationMs: z.number(),
	/** Absent where the turn has no graders of its own. */
	score: z.number().optional(),
});

/** `tests/<safe>/<attempt>.json`: everything about an attempt. */
export const attemptFileSchema = wireObject({
	...attemptFacts,
	...answered,
	description: z.string().optional(),
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
	fileChangesPath: z.string().nullable(),
	/** The files that stand beside this one. */
	beside: z.array(wireObject({ path: z.string(), sha256: z.string() })).optional(),
	/** Present where secrets were taken out of what was judged. */
	masked: z.literal(true).optional(),
});
export type AttemptFile = z.output<typeof attemptFileSchema>;
export type AttemptTurn = z.output<typeof turnSchema>;
