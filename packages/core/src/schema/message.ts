import { z } from "zod";
import { wireObject } from "./wire-object.ts";

export const roles = ["system", "user", "assistant", "tool"] as const;

export const contentPartSchema = wireObject({
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

/** A string, an object (its JSON is the text) or a list of parts. */
export const contentSchema = z.union([z.string(), z.array(contentPartSchema), z.record(z.string(), z.unknown())]);

export const messageSchema = wireObject({
	role: z.enum(roles),
	content: contentSchema.optional(),
	name: z.string().optional(),
	toolCalls: z.array(toolCallSchema).optional(),
});

/** Text, one message or a list of messages. */
export const inputSchema = z.union([z.string(), messageSchema, z.array(z.union([messageSchema, z.string()]))]);

/** Text, a message, a list of messages, or any object (its JSON is the text). */
export const expectedOutputSchema = z.union([
	z.string(),
	z.array(messageSchema),
	messageSchema,
	z.record(z.string(), z.unknown()),
	z.array(z.unknown()),
	z.number(),
	z.boolean(),
]);

export type Role = (typeof roles)[number];
export type ContentPart = z.output<typeof contentPartSchema>;
export type ToolCall = z.output<typeof toolCallSchema>;
export type MessageEntry = z.output<typeof messageSchema>;
