import { z } from "zod";
import {
	amountSchema,
	countSchema,
	dataSchema,
	older,
	positiveSchema,
	secondsSchema,
	textSchema,
	unsupported,
	wireObject,
} from "./codec.ts";
import { hooksSchema } from "./workspace-entry.ts";

/** These only affect logging in other tools. */
const logging = { severity: "warning", hint: "remove it: a run records every response in full" } as const;

export const commonSettings = {
	name: z.string().min(1),
	provider: z.string().min(1).optional(),
	useTarget: z.string().min(1).optional(),
	graderTarget: z.string().min(1).optional(),
	judgeTarget: older(z.string().min(1), "grader_target"),
	workers: countSchema.optional(),
	fallbackTargets: z.array(z.string()).optional(),
	timeoutSeconds: secondsSchema.optional(),
	maxRetries: z.number().int().min(0).max(1000).optional(),
	retryInitialDelayMs: z.number().min(0).max(2_147_483_647).optional(),
	retryMaxDelayMs: z.number().min(0).max(2_147_483_647).optional(),
	retryBackoffFactor: z.number().min(1).max(1000).optional(),
	retryStatusCodes: z.array(z.number().int()).optional(),
	requestsPerMinute: positiveSchema.optional(),
	hooks: hooksSchema.optional(),
	verbose: unsupported(z.boolean(), { ...logging, allows: (value) => value === false }),
	logDir: unsupported(z.string(), logging),
	streamLog: unsupported(z.union([z.string(), z.boolean()]), { ...logging, allows: (value) => value === false }),
	providerBatching: z.boolean().optional(),
};

export const pricingSchema = wireObject({
	input: amountSchema.optional(),
	output: amountSchema.optional(),
	cached: amountSchema.optional(),
});

/** A provider marks those that it lacks by `lacking`. */
export const modelSettings = {
	model: z.string().min(1).optional(),
	apiKey: z.string().optional(),
	baseUrl: z.string().optional(),
	endpoint: older(z.string(), "base_url"),
	apiFormat: z.enum(["chat", "responses"]).optional(),
	headers: z.record(z.string(), textSchema).optional(),
	temperature: amountSchema.optional(),
	maxOutputTokens: countSchema.optional(),
	maxTokens: older(countSchema, "max_output_tokens"),
	topP: z.number().optional(),
	reasoningEffort: z.string().optional(),
	pricing: pricingSchema.optional(),
	systemPrompt: z.string().optional(),
	resourceName: z.string().optional(),
	deployment: z.string().optional(),
	version: textSchema.optional(),
	apiVersion: textSchema.optional(),
};

export const agentSettings = {
	executable: z.string().optional(),
	args: z.array(z.string()).optional(),
	env: z.record(z.string(), textSchema).optional(),
	cwd: z.string().optional(),
	model: z.string().optional(),
	apiKey: z.string().optional(),
	baseUrl: z.string().optional(),
	subprovider: z.string().optional(),
	thinking: z.string().optional(),
	modelReasoningEffort: z.string().optional(),
	systemPrompt: z.string().optional(),
	maxTurns: countSchema.optional(),
	maxBudgetUsd: positiveSchema.optional(),
	permissionMode: z.string().optional(),
	byok: unsupported(dataSchema, { hint: "configure the agent itself, or use that model's provider" }),
	logFormat: unsupported(z.string(), logging),
	pricing: pricingSchema.optional(),
};

export type CommonSettings = z.output<z.ZodObject<typeof commonSettings>>;
export type ModelSettings = z.output<z.ZodObject<typeof commonSettings & typeof modelSettings>>;
export type AgentSettings = z.output<z.ZodObject<typeof commonSettings & typeof agentSettings>>;

export function lacking<Fields extends Readonly<Record<string, z.ZodType>>>(
	fields: Fields,
	hint: string,
	names: readonly (keyof Fields & string)[],
): Fields {
	const marked = names.map((name) => [name, unsupported(fields[name] as z.ZodType, { hint })]);
	return { ...fields, ...Object.fromEntries(marked) };
}

export const targetEntrySchema = wireObject(commonSettings);
export type TargetEntry = z.output<typeof targetEntrySchema>;

/** A name, an inline definition, or `{name, extends, …overrides}`. */
export const targetFieldSchema = z.union([z.string().min(1), dataSchema]);

export const ruleLevels = ["off", "warn", "error"] as const;
export type RuleLevel = (typeof ruleLevels)[number];

/** `.agentv/config.yaml`: the nearest one from the eval's directory up to its root applies. */
export const configFileSchema = wireObject({
	$schema: z.string().optional(),
	validate: wireObject({ rules: z.record(z.string(), z.enum(ruleLevels)).optional() }).optional(),
});

export const benchmarkIdPattern = /^[a-z0-9][a-z0-9._-]*$/;

const benchmarkSourceSchema = wireObject({ url: z.string().min(1), ref: z.string().min(1).optional() });

export const benchmarkEntrySchema = wireObject({
	id: z
		.string()
		.regex(
			benchmarkIdPattern,
			"an id consists of lower-case letters, digits, '.', '_' and '-', and starts with a letter or digit",
		),
	name: z.string().optional(),
	path: z.string().min(1),
	source: benchmarkSourceSchema.optional(),
	addedAt: z.string().optional(),
});

/** Entries are parsed one by one, so that a bad one doesn't break the others. */
export const registryFileSchema = wireObject({ benchmarks: z.array(benchmarkEntrySchema).nullish() });
