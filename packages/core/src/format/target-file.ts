import { z } from "zod";
import {
	amountSchema,
	commandSchema,
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

/** Settings that only affect logging in other tools. */
const logging = { severity: "warning", hint: "remove it: a run records every response in full" } as const;

const common = {
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

const pricing = wireObject({
	input: amountSchema.optional(),
	output: amountSchema.optional(),
	cached: amountSchema.optional(),
});

const model = {
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
	pricing: pricing.optional(),
	systemPrompt: z.string().optional(),
	resourceName: z.string().optional(),
	deployment: z.string().optional(),
	version: textSchema.optional(),
	apiVersion: textSchema.optional(),
};

const agent = {
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
	pricing: pricing.optional(),
};

/** Marks the settings of `names`, which a provider does not support, as errors. */
function without<Fields extends Readonly<Record<string, z.ZodType>>, Name extends keyof Fields & string>(
	fields: Fields,
	hint: string,
	names: readonly Name[],
): Pick<Fields, Name> {
	const marked = names.map((name) => [name, unsupported(fields[name] as z.ZodType, { hint })]);
	return Object.fromEntries(marked) as unknown as Pick<Fields, Name>;
}

const otherAgent = "remove it, or pass it to the agent in `args` or `env`";
const otherModel = "remove it: this provider has no such setting";
const onlyAzure = without(model, otherModel, ["resourceName", "deployment", "version", "apiVersion"]);
const plainModel = { ...model, ...onlyAzure, ...without(model, otherModel, ["apiFormat"]) };

const healthcheck = z.union([
	commandSchema,
	wireObject({ command: commandSchema, cwd: z.string().optional(), timeoutSeconds: secondsSchema.optional() }),
	wireObject({ url: z.string(), timeoutSeconds: secondsSchema.optional() }),
]);

const permissionSchema = z.enum(["allow", "reject"]);
/** Kinds of actions for which an ACP agent requests permission; `default` applies to all others. */
const toolKinds = [
	"default",
	"read",
	"edit",
	"delete",
	"move",
	"search",
	"execute",
	"think",
	"fetch",
	"switch_mode",
	"other",
] as const;

/** Includes the common settings. One entry here, one file in `targets/`. */
export const providerSchemas = {
	mock: wireObject({
		...common,
		response: textSchema.optional(),
		responses: z.record(z.string(), textSchema).optional(),
		delayMs: z.number().min(0).max(2_147_483_647).optional(),
	}),
	replay: wireObject({ ...common, fixtures: z.string().min(1) }),
	cli: wireObject({
		...common,
		command: commandSchema,
		cwd: z.string().optional(),
		healthcheck: healthcheck.optional(),
		filesFormat: z.string().optional(),
		attachmentsFormat: older(z.string(), "files_format"),
	}),
	openai: wireObject({ ...common, ...model, ...onlyAzure }),
	azure: wireObject({ ...common, ...model }),
	openrouter: wireObject({ ...common, ...plainModel }),
	anthropic: wireObject({ ...common, ...plainModel }),
	gemini: wireObject({ ...common, ...plainModel }),
	claude: wireObject({
		...common,
		...agent,
		...without(agent, otherAgent, ["subprovider", "thinking", "modelReasoningEffort"]),
		pricing: unsupported(pricing, { severity: "warning", hint: "remove it: Claude Code reports its cost" }),
	}),
	codex: wireObject({
		...common,
		...agent,
		...without(agent, otherAgent, ["subprovider", "thinking", "maxTurns", "maxBudgetUsd"]),
	}),
	"copilot-cli": wireObject({
		...common,
		...agent,
		...without(agent, otherAgent, ["baseUrl", "subprovider", "thinking", "modelReasoningEffort"]),
		...without(agent, otherAgent, ["maxTurns", "maxBudgetUsd", "permissionMode"]),
	}),
	"pi-cli": wireObject({
		...common,
		...agent,
		...without(agent, otherAgent, ["modelReasoningEffort", "maxTurns", "maxBudgetUsd", "permissionMode"]),
	}),
	acp: wireObject({
		...common,
		...agent,
		...without(agent, "add it to `command`", ["executable", "args", "model"]),
		...without(agent, "pass it to the agent in `env` or `command`", ["apiKey", "baseUrl", "subprovider"]),
		...without(agent, "pass it to the agent in `env` or `command`", ["thinking", "modelReasoningEffort"]),
		...without(agent, "pass it to the agent in `env` or `command`", ["maxTurns", "maxBudgetUsd"]),
		permissionMode: unsupported(z.string(), { hint: "use `permissions`" }),
		pricing: unsupported(pricing, { hint: "remove it: the agent reports its cost" }),
		command: commandSchema,
		permissions: z.union([permissionSchema, z.partialRecord(z.enum(toolKinds), permissionSchema)]).optional(),
	}),
} as const;

export type ProviderName = keyof typeof providerSchemas;
export type ProviderSettings<Name extends ProviderName> = z.output<(typeof providerSchemas)[Name]>;

export const providerAliases: Readonly<Record<string, ProviderName>> = {
	"claude-cli": "claude",
	"claude-code": "claude",
	"claude-sdk": "claude",
	"codex-cli": "codex",
	copilot: "copilot-cli",
	"copilot-sdk": "copilot-cli",
	pi: "pi-cli",
	"pi-coding-agent": "pi-cli",
	google: "gemini",
};

/** The provider's own settings are checked when the target is used. */
export const targetEntrySchema = wireObject(common);
export type TargetEntry = z.output<typeof targetEntrySchema>;

/** `target` of an eval or test: a name, an inline definition, or `{name, extends, …overrides}`. */
export const targetFieldSchema = z.union([z.string().min(1), dataSchema]);

export const ruleLevels = ["off", "warn", "error"] as const;
export type RuleLevel = (typeof ruleLevels)[number];

/** `.agentv/config.yaml`: the nearest one from the eval's directory up to its root applies. */
export const configFileSchema = wireObject({
	$schema: z.string().optional(),
	validate: wireObject({ rules: z.record(z.string(), z.enum(ruleLevels)).optional() }).optional(),
});

export const benchmarkIdPattern = /^[a-z0-9][a-z0-9._-]*$/;

export const benchmarkSourceSchema = wireObject({ url: z.string().min(1), ref: z.string().min(1).optional() });

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

export type BenchmarkEntry = z.output<typeof benchmarkEntrySchema>;
