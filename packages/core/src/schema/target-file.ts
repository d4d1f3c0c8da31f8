import { z } from "zod";
import { commandSchema, countSchema, dataSchema, positiveSchema } from "./primitives.ts";
import { older, wireObject } from "./wire-object.ts";
import { hooksSchema } from "./workspace-entry.ts";

const common = {
	name: z.string().min(1),
	provider: z.string().min(1).optional(),
	useTarget: z.string().min(1).optional(),
	graderTarget: z.string().min(1).optional(),
	judgeTarget: older(z.string().min(1), "grader_target"),
	workers: countSchema.optional(),
	fallbackTargets: z.array(z.string()).optional(),
	timeoutSeconds: positiveSchema.optional(),
	maxRetries: z.number().int().min(0).optional(),
	retryInitialDelayMs: z.number().min(0).optional(),
	retryMaxDelayMs: z.number().min(0).optional(),
	retryBackoffFactor: z.number().min(1).optional(),
	retryStatusCodes: z.array(z.number().int()).optional(),
	requestsPerMinute: positiveSchema.optional(),
	hooks: hooksSchema.optional(),
	verbose: z.boolean().optional(),
	logDir: z.string().optional(),
	streamLog: z.union([z.string(), z.boolean()]).optional(),
	providerBatching: z.boolean().optional(),
};

const pricing = wireObject({
	input: z.number().min(0).optional(),
	output: z.number().min(0).optional(),
	cached: z.number().min(0).optional(),
});

const model = {
	model: z.string().min(1).optional(),
	apiKey: z.string().optional(),
	baseUrl: z.string().optional(),
	endpoint: older(z.string(), "base_url"),
	apiFormat: z.enum(["chat", "responses"]).optional(),
	headers: z.record(z.string(), z.string()).optional(),
	temperature: z.number().min(0).optional(),
	maxOutputTokens: countSchema.optional(),
	maxTokens: older(countSchema, "max_output_tokens"),
	topP: z.number().optional(),
	reasoningEffort: z.string().optional(),
	pricing: pricing.optional(),
	systemPrompt: z.string().optional(),
	resourceName: z.string().optional(),
	deployment: z.string().optional(),
	version: z.string().optional(),
	apiVersion: z.string().optional(),
};

const agent = {
	executable: z.string().optional(),
	args: z.array(z.string()).optional(),
	env: z.record(z.string(), z.string()).optional(),
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
	byok: dataSchema.optional(),
	logFormat: z.string().optional(),
	pricing: pricing.optional(),
};

const healthcheck = z.union([
	commandSchema,
	wireObject({ command: commandSchema, cwd: z.string().optional(), timeoutSeconds: positiveSchema.optional() }),
	wireObject({ url: z.string(), timeoutSeconds: positiveSchema.optional() }),
]);

const permissionSchema = z.enum(["allow", "reject"]);
/** Kinds of work that an ACP agent asks to be permitted; `default` stands for all that are not named. */
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

/** The settings of each provider, common keys included. One entry here, one file in `targets/`. */
export const providerSchemas = {
	mock: wireObject({
		...common,
		response: z.string().optional(),
		responses: z.record(z.string(), z.string()).optional(),
		delayMs: z.number().min(0).optional(),
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
	openai: wireObject({ ...common, ...model }),
	azure: wireObject({ ...common, ...model }),
	openrouter: wireObject({ ...common, ...model }),
	anthropic: wireObject({ ...common, ...model }),
	gemini: wireObject({ ...common, ...model }),
	claude: wireObject({ ...common, ...agent }),
	codex: wireObject({ ...common, ...agent }),
	"copilot-cli": wireObject({ ...common, ...agent }),
	"pi-cli": wireObject({ ...common, ...agent }),
	acp: wireObject({
		...common,
		...agent,
		command: commandSchema,
		permissions: z.union([permissionSchema, z.partialRecord(z.enum(toolKinds), permissionSchema)]).optional(),
	}),
} as const;

export type ProviderName = keyof typeof providerSchemas;
export type ProviderSettings<Name extends ProviderName> = z.output<(typeof providerSchemas)[Name]>;

/** Other names under which a provider is known. */
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

/** What every entry of `targets` has, whatever its provider; the provider's own settings are checked when it is used. */
export const targetEntrySchema = wireObject(common);
export type TargetEntry = z.output<typeof targetEntrySchema>;

/** `target` of an eval or test: a name, an inline definition, or `{name, extends, …overrides}`. */
export const targetFieldSchema = z.union([z.string().min(1), dataSchema]);
