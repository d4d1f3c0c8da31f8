import { z } from "zod";
import { commandSchema, dataSchema, fractionSchema, positiveSchema } from "./primitives.ts";
import { older, wireObject } from "./wire-object.ts";

const common = {
	type: z.string(),
	name: z.string().optional(),
	weight: z.number().min(0).optional(),
	/** A number is the older spelling of `required: true` with that `min_score`. */
	required: z.union([z.boolean(), fractionSchema]).optional(),
	minScore: fractionSchema.optional(),
	negate: z.boolean().optional(),
};

const bound = z.number().min(0);
const textValue = { value: z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]) };
const listValue = { value: z.array(z.string()).min(1) };
const commandFields = {
	cwd: z.string().optional(),
	config: dataSchema.optional(),
	timeoutSeconds: positiveSchema.optional(),
	timeoutMs: older(positiveSchema, "timeout_seconds"),
};
export const argsMatchSchema = z.union([z.enum(["exact", "superset", "subset", "ignore"]), z.array(z.string())]);

/** A criterion says its outcome, or what earns which score. */
export const rubricCriterionSchema = z.union([
	z.string().min(1),
	wireObject({
		id: idOrText(),
		outcome: z.string().min(1).optional(),
		operator: z.enum(["correctness", "contradiction"]).optional(),
		weight: z.number().min(0).optional(),
		required: z.boolean().optional(),
		requiredMinScore: older(z.number(), "score_ranges"),
		minScore: z.number().optional(),
		scoreRanges: z
			.union([
				z.array(wireObject({ scoreRange: z.array(z.number()).length(2), outcome: z.string() })),
				z.record(z.string(), z.string()),
			])
			.optional(),
	}).refine(
		(criterion) => criterion.outcome !== undefined || criterion.scoreRanges !== undefined,
		"needs an `outcome` or `score_ranges`",
	),
]);

function idOrText() {
	return z.union([z.string(), z.number().transform(String)]).optional();
}

const promptSchema = z.union([
	z.string(),
	wireObject({ command: commandSchema, config: dataSchema.optional(), cwd: z.string().optional() }),
]);

const fieldSchema = wireObject({
	path: z.string().min(1),
	match: z.enum(["exact", "numeric_tolerance", "date"]).optional(),
	required: z.boolean().optional(),
	weight: z.number().min(0).optional(),
	tolerance: z.number().min(0).optional(),
	relative: z.boolean().optional(),
	formats: z.array(z.string()).optional(),
});

const trajectoryStepSchema = wireObject({
	tool: z.string(),
	args: z.union([dataSchema, z.literal("any")]).optional(),
	argsMatch: argsMatchSchema.optional(),
	maxDurationMs: positiveSchema.optional(),
});

const aggregatorSchema = wireObject({
	type: z.enum(["weighted_average", "threshold", "code-grader", "code_grader", "llm-grader", "llm_grader"]),
	weights: z.record(z.string(), z.number().min(0)).optional(),
	threshold: fractionSchema.optional(),
	command: commandSchema.optional(),
	path: older(commandSchema, "command"),
	cwd: z.string().optional(),
	prompt: z.string().optional(),
	target: z.string().optional(),
});

/** The fields of each assertion type; the type itself is the key. One entry here, one file in `grading/`. */
export const assertionSchemas = {
	contains: wireObject({ ...common, ...textValue }),
	icontains: wireObject({ ...common, ...textValue }),
	"starts-with": wireObject({ ...common, ...textValue }),
	"ends-with": wireObject({ ...common, ...textValue }),
	equals: wireObject({ ...common, ...textValue }),
	"contains-any": wireObject({ ...common, ...listValue }),
	"contains-all": wireObject({ ...common, ...listValue }),
	"icontains-any": wireObject({ ...common, ...listValue }),
	"icontains-all": wireObject({ ...common, ...listValue }),
	regex: wireObject({ ...common, value: z.string(), flags: z.string().optional() }),
	"is-json": wireObject({ ...common, schema: z.union([dataSchema, z.boolean()]).optional() }),
	"code-grader": wireObject({
		...common,
		command: commandSchema.optional(),
		script: older(commandSchema, "command"),
		...commandFields,
	}),
	"llm-grader": wireObject({
		...common,
		prompt: promptSchema.optional(),
		target: z.string().optional(),
		rubrics: older(z.array(rubricCriterionSchema), "type: rubrics"),
		model: z.string().optional(),
		config: dataSchema.optional(),
	}),
	rubrics: wireObject({ ...common, criteria: z.array(rubricCriterionSchema).min(1), target: z.string().optional() }),
	composite: wireObject({
		...common,
		assertions: z.array(z.unknown()).min(1).optional(),
		evaluators: older(z.array(z.unknown()), "assertions"),
		aggregator: aggregatorSchema,
	}),
	"tool-trajectory": wireObject({
		...common,
		mode: z.enum(["any_order", "in_order", "exact", "superset", "subset"]),
		expected: z.array(trajectoryStepSchema).optional(),
		minimums: z.record(z.string(), z.number().int().min(0)).optional(),
		argsMatch: argsMatchSchema.optional(),
	}),
	latency: wireObject({ ...common, threshold: bound }),
	cost: wireObject({ ...common, budget: bound }),
	"token-usage": wireObject({
		...common,
		maxTotal: bound.optional(),
		maxInput: bound.optional(),
		maxOutput: bound.optional(),
	}),
	"execution-metrics": wireObject({
		...common,
		maxToolCalls: bound.optional(),
		maxLlmCalls: bound.optional(),
		maxTokens: bound.optional(),
		maxCostUsd: bound.optional(),
		maxDurationMs: bound.optional(),
		targetExplorationRatio: fractionSchema.optional(),
		explorationTolerance: bound.optional(),
	}),
	"field-accuracy": wireObject({
		...common,
		fields: z.array(fieldSchema).min(1),
		aggregation: z.enum(["weighted_average", "all_or_nothing"]).optional(),
	}),
	"skill-trigger": wireObject({ ...common, skill: z.string().min(1), shouldTrigger: z.boolean().optional() }),
} as const;

export type AssertionType = keyof typeof assertionSchemas;
export type AssertionSettings<Type extends AssertionType> = z.output<(typeof assertionSchemas)[Type]>;

/** Older spellings of types. `snake_case` forms of every type are read too. */
export const olderAssertionTypes: Readonly<Record<string, AssertionType>> = {
	"code-judge": "code-grader",
	script: "code-grader",
	"llm-judge": "llm-grader",
	rubric: "rubrics",
};

/** What every assertion may carry, and what a custom type (found in `.agentv/graders/`) is checked against. */
export const customAssertionSchema = wireObject({ ...common, ...commandFields });
export const includeSchema = wireObject({ include: z.string().min(1) });

export type RubricCriterion = z.output<typeof rubricCriterionSchema>;

/** An entry of `assertions`: a rubric criterion, an include, or a grader by `type`. */
export const assertionEntrySchema = z.union([
	z.string().min(1),
	includeSchema,
	...(Object.entries(assertionSchemas) as [AssertionType, z.ZodType][]).map(([, schema]) => schema),
	customAssertionSchema,
]);
