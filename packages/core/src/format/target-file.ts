import { z } from "zod";
import {
	amountSchema,
	commandSchema,
	countSchema,
	dataSchema,
	millisecondsSchema,
	movedTo,
	noteField,
	older,
	positiveSchema,
	secondsSchema,
	stringsSchema,
	textSchema,
	unsupported,
	wireObject,
} from "./codec.ts";

const resetModes = ["none", "fast", "strict"] as const;

const hookFields = {
	command: commandSchema.optional(),
	script: older(commandSchema, "command"),
	timeoutMs: millisecondsSchema.optional(),
	cwd: z.string().optional(),
	reset: z.enum(resetModes).optional(),
};

export const hookSchema = wireObject(hookFields);

const lastHookSchema = wireObject({
	...hookFields,
	reset: unsupported(z.enum(resetModes), { hint: "remove it: nothing is reset after the last test" }),
});

export const hooksSchema = wireObject({
	enabled: z.boolean().optional(),
	beforeAll: z.union([hookSchema, commandSchema]).optional(),
	beforeEach: z.union([hookSchema, commandSchema]).optional(),
	afterEach: z.union([hookSchema, commandSchema]).optional(),
	afterAll: z.union([lastHookSchema, commandSchema]).optional(),
});

export const repoSchema = wireObject({
	path: z.string().optional(),
	repo: z.string().optional(),
	commit: textSchema.optional(),
	/** Alternative name of `commit`, not deprecated. */
	baseCommit: noteField(textSchema.optional(), { newer: "commit" }),
	sparse: z.array(z.string()).optional(),
	ancestor: z.number().int().min(0).optional(),
	// Each field of the three deprecated blocks is a spelling of its own field; the blocks may also
	// appear next to those.
	source: older(
		wireObject({
			url: movedTo("repo", z.string().optional()),
			path: movedTo("repo", z.string().optional()),
			type: z.string().optional(),
		}),
		"repo",
		"source",
	),
	checkout: older(
		wireObject({
			ref: movedTo("commit", textSchema.optional()),
			ancestor: movedTo("ancestor", z.number().int().min(0).optional()),
		}),
		"commit",
		"checkout",
	),
	clone: older(
		wireObject({
			sparse: movedTo("sparse", z.array(z.string()).optional()),
			depth: unsupported(z.number(), { hint: "remove it: a repository has its full history up to its commit" }),
			filter: unsupported(z.string(), { severity: "warning", hint: "remove it: it doesn't affect the content" }),
		}),
		"sparse",
		"clone",
	),
});

const isolations = ["shared", "per_test"] as const;

export const workspaceSchema = wireObject({
	template: z.string().optional(),
	isolation: z.enum(isolations).optional(),
	repos: z.array(repoSchema).optional(),
	hooks: hooksSchema.optional(),
	env: z.record(z.string(), textSchema).optional(),
	mode: older(z.enum(["shared", "per_test", "temp", "pooled"]), "isolation"),
	path: unsupported(z.string(), {
		hint: "use a `template`, which is copied: tests never run in one of your directories",
	}),
	docker: unsupported(z.union([dataSchema, z.string(), z.boolean()]), {
		allows: (value) => value === false,
		hint: "start the container in a `cli` target's command, or run AgentV inside it",
	}),
});

/** A string is a template directory or an external file (.yaml or .yml). */
export const workspaceFieldSchema = z.union([z.string(), workspaceSchema]);

const agentRulesSchema = wireObject({
	id: z.string(),
	hook: z.enum(["beforeAll", "beforeEach", "afterEach", "afterAll"]).optional(),
	skills: stringsSchema.optional(),
	hooks: stringsSchema.optional(),
	agents: stringsSchema.optional(),
	rules: stringsSchema.optional(),
	/** For a module's function; default 60,000. */
	timeoutMs: millisecondsSchema.optional(),
});

export const extensionSchema = z.union([z.string(), agentRulesSchema]);

export type HookEntry = z.output<typeof hookSchema>;
export type RepoEntry = z.output<typeof repoSchema>;
export type WorkspaceEntry = z.output<typeof workspaceSchema>;
export type AgentRulesEntry = z.output<typeof agentRulesSchema>;
export type ResetMode = (typeof resetModes)[number];

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
