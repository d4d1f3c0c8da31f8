import { z } from "zod";
import {
	amountSchema,
	dataSchema,
	fractionSchema,
	idSchema,
	millisecondsSchema,
	older,
	secondsSchema,
	strictWireObject,
	textSchema,
	wireObject,
} from "./codec.ts";

/** Fields of every assertion. */
export const commonFields = {
	type: z.string(),
	name: textSchema.optional(),
	weight: amountSchema.optional(),
	/** A number is the deprecated spelling of `required: true` with that `min_score`. */
	required: z.union([z.boolean(), fractionSchema]).optional(),
	minScore: fractionSchema.optional(),
	negate: z.boolean().optional(),
};

/** The settings that every type has. */
export const commonKeys: ReadonlySet<string> = new Set(Object.keys(commonFields));

/** Fields of assertions that run a program. */
export const commandFields = {
	cwd: z.string().optional(),
	config: dataSchema.optional(),
	timeoutSeconds: secondsSchema.optional(),
	timeoutMs: older(millisecondsSchema, "timeout_seconds"),
};
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

/** The fields of every assertion, and the schema of a custom type (found in `.agentv/graders/`). */
export const customAssertionSchema = wireObject({ ...commonFields, ...commandFields });
export const includeSchema = strictWireObject({ include: z.string().min(1) });

/** A shared assertions file that is not a plain list. */
export const assertionTemplateSchema = wireObject({
	assertions: z.array(z.unknown()).optional(),
	assert: older(z.array(z.unknown()), "assertions"),
	evaluators: older(z.array(z.unknown()), "assertions"),
});

export type RubricCriterion = z.output<typeof rubricCriterionSchema>;

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
