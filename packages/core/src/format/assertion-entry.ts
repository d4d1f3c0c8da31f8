import { z } from "zod";
import {
	amountSchema,
	commandSchema,
	dataSchema,
	fractionSchema,
	fullTextSchema,
	idSchema,
	millisecondsSchema,
	older,
	positiveSchema,
	secondsSchema,
	strictWireObject,
	textSchema,
	unsupported,
	wireObject,
} from "./codec.ts";

const common = {
	type: z.string(),
	name: textSchema.optional(),
	weight: amountSchema.optional(),
	/** A number is the deprecated spelling of `required: true` with that `min_score`. */
	required: z.union([z.boolean(), fractionSchema]).optional(),
	minScore: fractionSchema.optional(),
	negate: z.boolean().optional(),
};

/** The settings that every type has. */
export const commonKeys: ReadonlySet<string> = new Set(Object.keys(common));

const bound = amountSchema;
/** Every answer contains the empty text, so it can't be searched for. */
const textValue = { value: fullTextSchema };
const listValue = { value: z.array(fullTextSchema).min(1) };
const commandFields = {
	cwd: z.string().optional(),
	config: dataSchema.optional(),
	timeoutSeconds: secondsSchema.optional(),
	timeoutMs: older(millisecondsSchema, "timeout_seconds"),
};
/** Resolving a path takes time quadratic in its length. */
const longestPath = 1000;

export const argsMatchSchema = z.union([
	z.enum(["exact", "superset", "subset", "ignore"]),
	z.array(z.string().max(longestPath)),
]);

/** A criterion has an outcome, or score ranges. */
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

const promptSchema = z.union([
	z.string(),
	strictWireObject({ command: commandSchema, config: dataSchema.optional(), cwd: z.string().optional() }),
]);

const fieldSchema = strictWireObject({
	path: z.string().min(1).max(longestPath),
	match: z.enum(["exact", "numeric_tolerance", "date"]).optional(),
	required: z.boolean().optional(),
	weight: amountSchema.optional(),
	tolerance: amountSchema.optional(),
	relative: z.boolean().optional(),
	formats: z.array(z.string()).optional(),
}).superRefine(({ match = "exact", tolerance, relative, formats }, context) => {
	const idle = (key: string, wanted: string) =>
		context.addIssue({ code: "custom", path: [key], message: `has an effect only with \`match: ${wanted}\`` });
	if (match !== "numeric_tolerance" && tolerance !== undefined) idle("tolerance", "numeric_tolerance");
	if (match !== "numeric_tolerance" && relative !== undefined) idle("relative", "numeric_tolerance");
	if (match !== "date" && formats !== undefined) idle("formats", "date");
});

const trajectoryStepSchema = strictWireObject({
	tool: z.string().min(1),
	args: z.union([dataSchema, z.literal("any")]).optional(),
	argsMatch: argsMatchSchema.optional(),
	maxDurationMs: positiveSchema.optional(),
});

const aggregatorSchema = strictWireObject({
	type: z.enum(["weighted_average", "threshold", "code-grader", "code_grader", "llm-grader", "llm_grader"]),
	weights: z.record(z.string(), amountSchema).optional(),
	threshold: fractionSchema.optional(),
	command: commandSchema.optional(),
	path: older(commandSchema, "command"),
	cwd: z.string().optional(),
	prompt: z.string().optional(),
	target: z.string().optional(),
});

/** The fields of each assertion type by type. One entry here, one file in `grading/`. */
export const assertionSchemas = {
	contains: strictWireObject({ ...common, ...textValue }),
	icontains: strictWireObject({ ...common, ...textValue }),
	"starts-with": strictWireObject({ ...common, ...textValue }),
	"ends-with": strictWireObject({ ...common, ...textValue }),
	/** The empty text is a valid expectation. */
	equals: strictWireObject({ ...common, value: textSchema }),
	"contains-any": strictWireObject({ ...common, ...listValue }),
	"contains-all": strictWireObject({ ...common, ...listValue }),
	"icontains-any": strictWireObject({ ...common, ...listValue }),
	"icontains-all": strictWireObject({ ...common, ...listValue }),
	regex: strictWireObject({ ...common, value: fullTextSchema, flags: z.string().optional() }),
	"is-json": strictWireObject({ ...common, schema: z.union([dataSchema, z.boolean()]).optional() }),
	/** All other keys are the program's `config`. */
	"code-grader": wireObject({
		...common,
		command: commandSchema.optional(),
		script: older(commandSchema, "command"),
		...commandFields,
		target: unsupported(z.union([z.string(), z.boolean(), dataSchema]), {
			allows: (value) => value === false,
			hint: "call a model from the program, or use an `llm-grader`",
		}),
		preprocessors: unsupported(z.array(z.unknown()), { hint: "define `preprocessors` in the eval" }),
	}),
	"llm-grader": strictWireObject({
		...common,
		prompt: promptSchema.optional(),
		target: z.string().optional(),
		rubrics: z.array(rubricCriterionSchema).min(1).optional(),
		model: unsupported(z.string(), { hint: "set `target` to a target of that model" }),
		config: dataSchema.optional(),
		preprocessors: unsupported(z.array(z.unknown()), { hint: "define `preprocessors` in the eval" }),
	}),
	rubrics: strictWireObject({
		...common,
		criteria: z.array(rubricCriterionSchema).min(1),
		target: z.string().optional(),
	}),
	composite: strictWireObject({
		...common,
		assertions: z.array(z.unknown()).min(1).optional(),
		evaluators: older(z.array(z.unknown()), "assertions"),
		aggregator: aggregatorSchema,
	}),
	"tool-trajectory": strictWireObject({
		...common,
		mode: z.enum(["any_order", "in_order", "exact", "superset", "subset"]),
		expected: z.array(trajectoryStepSchema).optional(),
		minimums: z.record(z.string(), z.number().int().min(0)).optional(),
		argsMatch: argsMatchSchema.optional(),
	}),
	latency: strictWireObject({ ...common, threshold: bound }),
	cost: strictWireObject({ ...common, budget: bound }),
	"token-usage": strictWireObject({
		...common,
		maxTotal: bound.optional(),
		maxInput: bound.optional(),
		maxOutput: bound.optional(),
	}),
	"execution-metrics": strictWireObject({
		...common,
		maxToolCalls: bound.optional(),
		maxLlmCalls: bound.optional(),
		maxTokens: bound.optional(),
		maxCostUsd: bound.optional(),
		maxDurationMs: bound.optional(),
		targetExplorationRatio: fractionSchema.optional(),
		explorationTolerance: bound.optional(),
	}),
	"field-accuracy": strictWireObject({
		...common,
		fields: z.array(fieldSchema).min(1),
		aggregation: z.enum(["weighted_average", "all_or_nothing"]).optional(),
	}),
	"skill-trigger": strictWireObject({ ...common, skill: z.string().min(1), shouldTrigger: z.boolean().optional() }),
} as const;

export type AssertionType = keyof typeof assertionSchemas;
export type AssertionSettings<Type extends AssertionType> = z.output<(typeof assertionSchemas)[Type]>;

/** Deprecated spellings of types. `snake_case` forms of every type are accepted too. */
export const olderAssertionTypes: Readonly<Record<string, AssertionType>> = {
	"code-judge": "code-grader",
	script: "code-grader",
	"llm-judge": "llm-grader",
	rubric: "rubrics",
};

/** The fields of every assertion, and the schema of a custom type (found in `.agentv/graders/`). */
export const customAssertionSchema = wireObject({ ...common, ...commandFields });
export const includeSchema = strictWireObject({ include: z.string().min(1) });

/** A shared assertions file that is not a plain list. */
export const assertionTemplateSchema = wireObject({
	assertions: z.array(z.unknown()).optional(),
	assert: older(z.array(z.unknown()), "assertions"),
	evaluators: older(z.array(z.unknown()), "assertions"),
});

export type RubricCriterion = z.output<typeof rubricCriterionSchema>;

export const assertionEntrySchema = z.union([
	z.string().min(1),
	includeSchema,
	...(Object.entries(assertionSchemas) as [AssertionType, z.ZodType][]).map(([, schema]) => schema),
	customAssertionSchema,
]);

export type PromptVariableHolds = "answer" | "results" | "other";

export interface PromptVariable {
	readonly holds: PromptVariableHolds;
	/** The current name of a deprecated spelling. */
	readonly aliasOf?: string;
}

/** For prompts of `llm-grader` and of a composite's aggregator. Case-insensitive. */
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

/** A `{{ name }}` in a prompt. */
export interface PromptPlaceholder {
	/** In lower case. */
	readonly name: string;
	/** Offset of the first brace. */
	readonly offset: number;
	readonly length: number;
}

/** `{{ name }}`, or `{{{{ name }}}}`, which is a literal `{{ name }}`. */
const placeholder = /\{\{(\{\{)?\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}(\}\})?/g;

/** Returns the placeholders of a prompt in order, known or not, without literal ones. */
export function promptPlaceholders(prompt: string): PromptPlaceholder[] {
	const found: PromptPlaceholder[] = [];
	for (const { 0: whole, 1: opened, 2: name = "", 3: closed, index } of prompt.matchAll(placeholder))
		if (!(opened && closed)) found.push({ name: name.toLowerCase(), offset: index, length: whole.length });
	return found;
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
