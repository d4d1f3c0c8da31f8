import { z } from "zod";
import { commandSchema, positiveSchema, stringsSchema } from "./primitives.ts";
import { older, wireObject } from "./wire-object.ts";

export const resetModes = ["none", "fast", "strict"] as const;

export const hookSchema = wireObject({
	command: commandSchema.optional(),
	script: older(commandSchema, "command"),
	timeoutMs: positiveSchema.optional(),
	cwd: z.string().optional(),
	reset: z.enum(resetModes).optional(),
});

export const hooksSchema = wireObject({
	enabled: z.boolean().optional(),
	beforeAll: z.union([hookSchema, commandSchema]).optional(),
	beforeEach: z.union([hookSchema, commandSchema]).optional(),
	afterEach: z.union([hookSchema, commandSchema]).optional(),
	afterAll: z.union([hookSchema, commandSchema]).optional(),
});

export const repoSchema = wireObject({
	path: z.string().optional(),
	repo: z.string().optional(),
	commit: z.union([z.string(), z.number().transform(String)]).optional(),
	baseCommit: z.union([z.string(), z.number().transform(String)]).optional(),
	sparse: z.array(z.string()).optional(),
	ancestor: z.number().int().min(0).optional(),
	source: older(
		wireObject({ url: z.string().optional(), path: z.string().optional(), type: z.string().optional() }),
		"repo",
	),
	checkout: older(wireObject({ ref: z.string().optional(), ancestor: z.number().int().min(0).optional() }), "commit"),
	clone: older(
		wireObject({ depth: z.number().optional(), sparse: z.array(z.string()).optional(), filter: z.string().optional() }),
		"sparse",
	),
});

export const isolations = ["shared", "per_test"] as const;

export const workspaceSchema = wireObject({
	template: z.string().optional(),
	isolation: z.enum(isolations).optional(),
	repos: z.array(repoSchema).optional(),
	hooks: hooksSchema.optional(),
	env: z.record(z.string(), z.string()).optional(),
	mode: z.string().optional().meta({ deprecated: true, instead: "isolation" }),
	path: z.string().optional(),
});

/** A string is a template directory or, ending in .yaml/.yml, an external workspace file. */
export const workspaceFieldSchema = z.union([z.string(), workspaceSchema]);

export const agentRulesSchema = wireObject({
	id: z.string(),
	hook: z.enum(["beforeAll", "beforeEach", "afterEach", "afterAll"]).optional(),
	skills: stringsSchema.optional(),
	hooks: stringsSchema.optional(),
	agents: stringsSchema.optional(),
	rules: stringsSchema.optional(),
});

export const extensionSchema = z.union([z.string(), agentRulesSchema]);

export type HookEntry = z.output<typeof hookSchema>;
export type RepoEntry = z.output<typeof repoSchema>;
export type WorkspaceEntry = z.output<typeof workspaceSchema>;
export type AgentRulesEntry = z.output<typeof agentRulesSchema>;
export type ResetMode = (typeof resetModes)[number];
