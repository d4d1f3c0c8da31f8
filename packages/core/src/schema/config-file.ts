import { z } from "zod";
import { wireObject } from "./wire-object.ts";

export const ruleLevels = ["off", "warn", "error"] as const;
export type RuleLevel = (typeof ruleLevels)[number];

/** `.agentv/config.yaml`: the nearest one from the eval's directory up to its root applies. */
export const configFileSchema = wireObject({
	$schema: z.string().optional(),
	validate: wireObject({ rules: z.record(z.string(), z.enum(ruleLevels)).optional() }).optional(),
});
