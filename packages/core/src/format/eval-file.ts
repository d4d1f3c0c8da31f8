import { z } from "zod";
import {
	amountSchema,
	commandSchema,
	countSchema,
	dataSchema,
	fractionSchema,
	idSchema,
	idsSchema,
	millisecondsSchema,
	movedTo,
	noteField,
	older,
	positiveSchema,
	repeatCountSchema,
	secondsSchema,
	strictWireObject,
	stringsSchema,
	textSchema,
	textsSchema,
	unsupported,
	wireObject,
} from "./codec.ts";
import { extensionSchema, hooksSchema, targetFieldSchema, workspaceFieldSchema } from "./target-file.ts";

export const commonFields = {
	type: z.string(),
	name: textSchema.optional(),
	weight: amountSchema.optional(),
	/** A number is the deprecated spelling of `required: true` with that `min_score`. */
	required: z.union([z.boolean(), fractionSchema]).optional(),
	minScore: fractionSchema.optional(),
	negate: z.boolean().optional(),
};

export const commonKeys: ReadonlySet<string> = new Set(Object.keys(commonFields));

export const commandFields = {
	cwd: z.string().optional(),
	config: dataSchema.optional(),
	timeoutSeconds: secondsSchema.optional(),
	timeoutMs: older(millisecondsSchema, "timeout_seconds"),
};
export const rubricCriterionSchema = z.union([
	z.string().min(1),
	strictWireObject({
		id: idSchema.optional(),
		outcome: z.string().min(1).optional(),
		operator: z.enum(["correctness", "contradiction"]).optional(),
		weight: amountSchema.optional(),
		required: z.boolean().optional(),
		requiredMinScore: older(z.number(), "min_score"),
		minScore: z.number().optional(),
		scoreRanges: z
			.union([
				z.array(strictWireObject({ scoreRange: z.array(z.number()).length(2), outcome: z.string() })),
				z.record(z.string(), z.string()),
			])
			.optional(),
	}).refine(
		(criterion) => criterion.outcome !== undefined || criterion.scoreRanges !== undefined,
		"needs an `outcome` or `score_ranges`",
	),
]);

export const customAssertionSchema = wireObject({ ...commonFields, ...commandFields });
export const includeSchema = strictWireObject({ include: z.string().min(1) });

/** Shared assertions in a file that is not a plain list. */
export const assertionTemplateSchema = wireObject({
	assertions: z.array(z.unknown()).optional(),
	assert: older(z.array(z.unknown()), "assertions"),
	evaluators: older(z.array(z.unknown()), "assertions"),
});

export type RubricCriterion = z.output<typeof rubricCriterionSchema>;

export type PromptVariableHolds = "answer" | "results" | "other";

export interface PromptVariable {
	readonly holds: PromptVariableHolds;
	readonly aliasOf?: string;
}

/** Used in prompts of `llm-grader` and of a composite's aggregator. Case-insensitive. */
export const judgeVariables = {
	input: { holds: "other" },
	input_files: { holds: "other" },
	output: { holds: "answer" },
	file_changes: { holds: "answer" },
	tool_calls: { holds: "answer" },
	expected_output: { holds: "other" },
	criteria: { holds: "other" },
	rubrics: { holds: "other" },
	rubrics_json: { holds: "other" },
	metadata: { holds: "other" },
	metadata_json: { holds: "other" },
	grader_results_json: { holds: "results" },
	question: { holds: "other", aliasOf: "input" },
	answer: { holds: "answer", aliasOf: "output" },
	candidate_answer: { holds: "answer", aliasOf: "output" },
	reference_answer: { holds: "other", aliasOf: "expected_output" },
	expected_outcome: { holds: "other", aliasOf: "criteria" },
	evaluator_results_json: { holds: "results", aliasOf: "grader_results_json" },
} as const satisfies Readonly<Record<string, PromptVariable>>;

export type JudgeVariable = keyof typeof judgeVariables;

interface PromptPlaceholder {
	readonly name: string;
	readonly offset: number;
	readonly length: number;
}

/** `{{ name }}`, or `{{{{ name }}}}`, which is a literal `{{ name }}`. */
const placeholder = /\{\{(\{\{)?\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}(\}\})?/g;

/** In order, known or not, without literal ones. */
export function promptPlaceholders(prompt: string): PromptPlaceholder[] {
	const placeholders: PromptPlaceholder[] = [];
	for (const { 0: whole, 1: opened, 2: name = "", 3: closed, index } of prompt.matchAll(placeholder))
		if (!(opened && closed)) placeholders.push({ name: name.toLowerCase(), offset: index, length: whole.length });
	return placeholders;
}

/** Values are never filled again. Placeholders without a value stay. */
export function fillPlaceholders(prompt: string, valueFor: (name: string) => string | undefined): string {
	return prompt.replace(placeholder, (whole, opened: string | undefined, name: string, closed: string | undefined) => {
		if (opened && closed) return whole.slice(2, -2);
		const value = valueFor(name.toLowerCase());
		// An additional unpaired `{{` or `}}` around a placeholder is text.
		return value === undefined ? whole : `${opened ?? ""}${value}${closed ?? ""}`;
	});
}

export const roles = ["system", "user", "assistant", "tool"] as const;

const contentPartSchema = wireObject({
	type: z.enum(["text", "file", "image"]),
	value: z.string(),
	mediaType: z.string().optional(),
});

export const toolCallSchema = wireObject({
	tool: z.string(),
	input: z.unknown().optional(),
	output: z.unknown().optional(),
	id: z.string().optional(),
	durationMs: z.number().optional(),
	startTime: z.string().optional(),
	endTime: z.string().optional(),
});

/** An object's text is its JSON. */
export const contentSchema = z.union([z.string(), z.array(contentPartSchema), z.record(z.string(), z.unknown())]);

export const messageSchema = wireObject({
	role: z.enum(roles),
	content: contentSchema.optional(),
	name: z.string().optional(),
	toolCalls: z.array(toolCallSchema).optional(),
});

export const inputSchema = z.union([z.string(), messageSchema, z.array(z.union([messageSchema, z.string()]))]);

export const expectedOutputSchema = z.union([
	z.string(),
	z.array(messageSchema),
	messageSchema,
	z.record(z.string(), z.unknown()),
	z.array(z.unknown()),
	z.number(),
	z.boolean(),
]);

const repeatSchema = wireObject({
	count: repeatCountSchema,
	strategy: z.enum(["mean", "pass_any", "pass_all"]).optional(),
	earlyExit: z.boolean().optional(),
});

export type Role = (typeof roles)[number];
export type ToolCall = z.output<typeof toolCallSchema>;
export type MessageEntry = z.output<typeof messageSchema>;
export type RepeatEntry = z.output<typeof repeatSchema>;

const turnSchema = wireObject({
	input: inputSchema,
	expectedOutput: expectedOutputSchema.optional(),
	assertions: z.array(z.unknown()).optional(),
});

const trials = {
	count: repeatCountSchema,
	strategy: z.enum(["pass_at_k", "pass_any", "pass_all", "mean"]).optional(),
};
const trialsSchema = wireObject({ ...trials, costLimitUsd: positiveSchema.optional() });

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

const testExecutionSchema = wireObject({
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

const evalNamePattern = /^[a-z0-9-]{1,64}$/;

const preprocessorSchema = wireObject({
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

/** Each test is parsed on its own, so that an invalid one doesn't hide the others. */
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

export const evalFileSchema = wireObject({
	...envelope,
	tests: testsSchema.optional(),
	evalCases: older(testsSchema, "tests"),
	evalcases: older(testsSchema, "tests"),
});

export type EvalEnvelope = z.output<typeof evalEnvelopeSchema>;
export type PreprocessorEntry = z.output<typeof preprocessorSchema>;
