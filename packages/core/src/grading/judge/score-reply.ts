import { z } from "zod";

/** The reply with one score; authors' prompts can also request `details`. */
export const scoreReply = z.object({
	score: z.number().min(0).max(1),
	assertions: z.array(z.object({ text: z.string(), passed: z.boolean(), evidence: z.string().nullish() })).optional(),
	reasoning: z.string().nullish(),
	details: z.record(z.string(), z.unknown()).optional(),
});

/** Like `scoreReply`, in the strict form for structured output. */
export const scoreReplySchema = {
	type: "object",
	properties: {
		score: { type: "number", description: "from 0 to 1" },
		assertions: {
			type: "array",
			items: {
				type: "object",
				properties: { text: { type: "string" }, passed: { type: "boolean" }, evidence: { type: "string" } },
				required: ["text", "passed", "evidence"],
				additionalProperties: false,
			},
		},
		reasoning: { type: "string" },
	},
	required: ["score", "assertions", "reasoning"],
	additionalProperties: false,
} as const;

/** An object without any of these is not the reply. */
export const scoreReplyKeys: readonly string[] = Object.keys(scoreReplySchema.properties);
