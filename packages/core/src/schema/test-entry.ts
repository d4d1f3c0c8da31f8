import { z } from "zod";
import { expectedOutputSchema, inputSchema } from "./message.ts";
import {
	countSchema,
	dataSchema,
	fractionSchema,
	idSchema,
	idsSchema,
	positiveSchema,
	stringsSchema,
} from "./primitives.ts";
import { targetFieldSchema } from "./target-file.ts";
import { older, wireObject } from "./wire-object.ts";
import { workspaceFieldSchema } from "./workspace-entry.ts";

export const repeatSchema = wireObject({
	count: countSchema,
	strategy: z.enum(["mean", "pass_any", "pass_all"]).optional(),
	earlyExit: z.boolean().optional(),
});

export const turnSchema = wireObject({
	input: inputSchema,
	expectedOutput: expectedOutputSchema.optional(),
	assertions: z.array(z.unknown()).optional(),
});

export const trialsSchema = wireObject({
	count: countSchema,
	strategy: z.enum(["pass_at_k", "pass_any", "pass_all", "mean", "confidence_interval"]).optional(),
	costLimitUsd: positiveSchema.optional(),
});

/** The older `execution` block, of an eval or a test. */
export const executionSchema = wireObject({
	target: z.union([z.string(), dataSchema]).optional(),
	targets: z.array(z.union([z.string(), dataSchema])).optional(),
	workers: countSchema.optional(),
	threshold: fractionSchema.optional(),
	trials: trialsSchema.optional(),
	budgetUsd: positiveSchema.optional(),
	failOnError: z.union([z.boolean(), z.string()]).optional(),
	skipDefaults: z.boolean().optional(),
	cache: z.union([z.boolean(), dataSchema]).optional(),
	assertions: older(z.array(z.unknown()), "assertions"),
	evaluators: older(z.array(z.unknown()), "assertions"),
});

/** One test. `assertions` entries are read one by one by the loader, so that each finding has its own place. */
export const testEntrySchema = wireObject({
	id: idSchema,
	description: z.string().optional(),
	input: inputSchema.optional(),
	inputFiles: stringsSchema.optional(),
	expectedOutput: expectedOutputSchema.optional(),
	criteria: z.string().optional(),
	expectedOutcome: older(z.string(), "criteria"),
	assertions: z.array(z.unknown()).optional(),
	assert: older(z.array(z.unknown()), "assertions"),
	evaluators: older(z.array(z.unknown()), "assertions"),
	vars: dataSchema.optional(),
	metadata: dataSchema.optional(),
	tags: z.union([stringsSchema, z.record(z.string(), z.string())]).optional(),
	conversationId: z.string().optional(),
	workspace: workspaceFieldSchema.optional(),
	threshold: fractionSchema.optional(),
	timeoutSeconds: positiveSchema.optional(),
	repeat: z.union([countSchema, repeatSchema]).optional(),
	target: targetFieldSchema.optional(),
	execution: executionSchema.optional(),
	dependsOn: idsSchema.optional(),
	onDependencyFailure: z.enum(["skip", "fail", "run"]).optional(),
	mode: z.enum(["conversation"]).optional(),
	turns: z.array(turnSchema).min(1).optional(),
	aggregation: z.enum(["mean", "min", "max"]).optional(),
	onTurnFailure: z.enum(["continue", "stop"]).optional(),
});

export type TestEntry = z.output<typeof testEntrySchema>;
export type ExecutionEntry = z.output<typeof executionSchema>;
