import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { textSchema, wireObject } from "../../format/codec.ts";
import { commonSettings } from "../../format/target-file.ts";
import { defineProvider } from "../contract.ts";

export const mock = defineProvider({
	name: "mock",
	kind: "offline",
	runs: "a fixed answer, offline",
	needs: "–",
	cost: "–",
	settings: wireObject({
		...commonSettings,
		response: textSchema.optional(),
		responses: z.record(z.string(), textSchema).optional(),
		delayMs: z.number().min(0).max(2_147_483_647).optional(),
	}),
	create: ({ settings: { responses = {}, response, delayMs = 0 } }) => ({
		check: async () => undefined,
		async invoke({ testId, signal }) {
			// The runner handles an abort.
			if (delayMs > 0) await setTimeout(delayMs, undefined, { signal }).catch(() => undefined);
			const own = Object.hasOwn(responses, testId) ? responses[testId] : undefined;
			return { ok: true, answer: { text: own ?? response ?? "This is the mock target's answer.", messages: [] } };
		},
	}),
});
