import { z } from "zod";
import {
	commandSchema,
	dataSchema,
	millisecondsSchema,
	movedTo,
	noteField,
	older,
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
