import { z } from "zod";
import { rubricCriterionSchema } from "./assertion-entry.ts";
import { expectedOutputSchema, inputSchema } from "./message.ts";
import {
	countSchema,
	dataSchema,
	fractionSchema,
	idSchema,
	idsSchema,
	positiveSchema,
	repeatCountSchema,
	secondsSchema,
	stringsSchema,
	textSchema,
	textsSchema,
} from "./primitives.ts";
import { targetFieldSchema } from "./target-file.ts";
import { movedTo, older, unsupported, wireObject } from "./wire-object.ts";
import { workspaceFieldSchema } from "./workspace-entry.ts";

export const repeatSchema = wireObject({
	count: repeatCountSchema,
	strategy: z.enum(["mean", "pass_any", "pass_all"]).optional(),
	earlyExit: z.boolean().optional(),
});

export const turnSchema = wireObject({
	input: inputSchema,
	expectedOutput: expectedOutputSchema.optional(),
	assertions: z.array(z.unknown()).optional(),
});

const trials = {
	count: repeatCountSchema,
	strategy: z.enum(["pass_at_k", "pass_any", "pass_all", "mean"]).optional(),
};
export const trialsSchema = wireObject({ ...trials, costLimitUsd: positiveSchema.optional() });

const execution = {
	target: movedTo("target", z.union([z.string(), dataSchema]).optional()),
	threshold: movedTo("threshold", fractionSchema.optional()),
	trials: movedTo("repeat", trialsSchema.optional()),
	skipDefaults: z.boolean().optional(),
	assertions: movedTo("assertions", older(z.array(z.unknown()), "assertions", "assertions")),
	evaluators: movedTo("assertions", older(z.array(z.unknown()), "assertions", "assertions")),
	failOnError: unsupported(z.union([z.boolean(), z.string(), z.number()]), {
		allows: (value) => value === false,
		hint: "remove it: every test is run, and exit code 4 means that some could not be",
	}),
	cache: unsupported(z.union([z.boolean(), dataSchema]), {
		allows: (value) => value === false,
		hint: "remove it, and run with --cache",
	}),
};
const forWholeEval = { hint: "move it to the eval: it applies to all tests" };

/** The deprecated `execution` block of an eval. */
export const executionSchema = wireObject({
	...execution,
	targets: movedTo("target", z.array(z.union([z.string(), dataSchema])).optional()),
	workers: movedTo("workers", countSchema.optional()),
	budgetUsd: movedTo("budget_usd", positiveSchema.optional()),
	skipDefaults: unsupported(z.boolean(), {
		allows: (value) => value === false,
		hint: "set it in the `execution` of the tests that skip the eval's graders",
	}),
});

/** The deprecated `execution` block of a test. */
export const testExecutionSchema = wireObject({
	...execution,
	trials: movedTo(
		"repeat",
		wireObject({ ...trials, costLimitUsd: unsupported(positiveSchema, forWholeEval) }).optional(),
	),
	targets: unsupported(z.array(z.union([z.string(), dataSchema])), {
		hint: "set one `target` in the test, or `targets` in the eval",
	}),
	workers: unsupported(countSchema, forWholeEval),
	budgetUsd: unsupported(positiveSchema, forWholeEval),
});

/** The loader parses `assertions` entries one by one, so that each finding has its own location. */
export const testEntrySchema = wireObject({
	id: idSchema,
	description: z.string().optional(),
	input: inputSchema.optional(),
	inputFiles: stringsSchema.optional(),
	expectedOutput: expectedOutputSchema.optional(),
	criteria: z.string().optional(),
	expectedOutcome: older(z.string(), "criteria"),
	/** Criteria that a model grades one by one, like a grader of type `rubrics`. */
	rubrics: z.array(rubricCriterionSchema).min(1).optional(),
	assertions: z.array(z.unknown()).optional(),
	assert: older(z.array(z.unknown()), "assertions"),
	evaluators: older(z.array(z.unknown()), "assertions"),
	vars: dataSchema.optional(),
	metadata: dataSchema.optional(),
	tags: z.union([textsSchema, z.record(z.string(), textSchema)]).optional(),
	conversationId: textSchema.optional(),
	workspace: workspaceFieldSchema.optional(),
	threshold: fractionSchema.optional(),
	timeoutSeconds: secondsSchema.optional(),
	repeat: z.union([repeatCountSchema, repeatSchema]).optional(),
	target: targetFieldSchema.optional(),
	execution: testExecutionSchema.optional(),
	dependsOn: idsSchema.optional(),
	onDependencyFailure: z.enum(["skip", "fail", "run"]).optional(),
	mode: z.enum(["conversation"]).optional(),
	turns: z.array(turnSchema).min(1).optional(),
	aggregation: z.enum(["mean", "min", "max"]).optional(),
	onTurnFailure: z.enum(["continue", "stop"]).optional(),
});

export type TestEntry = z.output<typeof testEntrySchema>;
