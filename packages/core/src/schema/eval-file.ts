import { z } from "zod";
import { noteField } from "./field-notes.ts";
import { inputSchema } from "./message.ts";
import {
	commandSchema,
	countSchema,
	dataSchema,
	fractionSchema,
	positiveSchema,
	repeatCountSchema,
	secondsSchema,
	stringsSchema,
	textSchema,
	textsSchema,
} from "./primitives.ts";
import { targetFieldSchema } from "./target-file.ts";
import { executionSchema, repeatSchema, testEntrySchema } from "./test-entry.ts";
import { older, wireObject } from "./wire-object.ts";
import { extensionSchema, hooksSchema, workspaceFieldSchema } from "./workspace-entry.ts";

export const evalNamePattern = /^[a-z0-9-]{1,64}$/;

export const preprocessorSchema = wireObject({
	type: z.string().min(1),
	command: commandSchema,
	cwd: z.string().optional(),
	timeoutSeconds: secondsSchema.optional(),
});

const envelope = {
	$schema: z.string().optional(),
	name: z.string().regex(evalNamePattern, "a name is 1 to 64 lower-case letters, digits and '-'").optional(),
	description: z.string().optional(),
	version: textSchema.optional(),
	author: z.string().optional(),
	license: z.string().optional(),
	tags: z.union([textsSchema, z.record(z.string(), textSchema)]).optional(),
	metadata: dataSchema.optional(),
	requires: wireObject({ agentv: z.string().optional() }).optional(),
	target: targetFieldSchema.optional(),
	targets: noteField(z.array(targetFieldSchema).optional(), { newer: "target" }),
	input: inputSchema.optional(),
	inputFiles: stringsSchema.optional(),
	assertions: z.array(z.unknown()).optional(),
	assert: older(z.array(z.unknown()), "assertions"),
	evaluators: older(z.array(z.unknown()), "assertions"),
	workspace: workspaceFieldSchema.optional(),
	extensions: z.array(extensionSchema).optional(),
	hooks: hooksSchema.optional(),
	threshold: fractionSchema.optional(),
	timeoutSeconds: secondsSchema.optional(),
	workers: countSchema.optional(),
	repeat: z.union([repeatCountSchema, repeatSchema]).optional(),
	budgetUsd: positiveSchema.optional(),
	experiment: z.string().optional(),
	execution: older(executionSchema, "the flat fields (target, threshold, workers, …)", "execution"),
	preprocessors: z.array(preprocessorSchema).optional(),
	imports: wireObject({ suites: z.array(z.string()).optional(), tests: z.array(z.string()).optional() }).optional(),
	bundle: wireObject({ include: z.array(z.string()).optional(), exclude: z.array(z.string()).optional() }).optional(),
};

/** Each test is parsed on its own, so that a bad test hides no other. */
export const evalEnvelopeSchema = wireObject({
	...envelope,
	tests: z.unknown().optional(),
	evalCases: older(z.unknown(), "tests"),
	evalcases: older(z.unknown(), "tests"),
});

const testsSchema = z.union([
	z.string().min(1),
	z.array(z.union([z.string().min(1), wireObject({ include: z.string().min(1) }), testEntrySchema])),
]);

/** The whole eval file, as published for editors. */
export const evalFileSchema = wireObject({
	...envelope,
	tests: testsSchema.optional(),
	evalCases: older(testsSchema, "tests"),
	evalcases: older(testsSchema, "tests"),
});

export type EvalEnvelope = z.output<typeof evalEnvelopeSchema>;
export type PreprocessorEntry = z.output<typeof preprocessorSchema>;
