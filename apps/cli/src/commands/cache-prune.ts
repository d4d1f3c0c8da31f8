import { AgentvError, pruneCache } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { colorsFor } from "../terminal/colors.ts";

interface CachePruneOptions {
	readonly olderThan?: number;
	readonly all?: boolean;
	readonly dryRun?: boolean;
	readonly json?: boolean;
}

const usualAgeMs = 30 * 24 * 60 * 60_000;

export async function cachePrune(
	{ olderThan, all, dryRun, json }: CachePruneOptions,
	{ env, signal, stdout }: Context,
): Promise<CommandResult> {
	if (olderThan !== undefined && all)
		throw new AgentvError("usage", "--all and --older-than cannot be combined", { hint: "Use only one of them." });
	const olderThanMs = olderThan ?? usualAgeMs;
	const result = await pruneCache({
		env,
		olderThanMs,
		now: Date.now(),
		signal,
		...(all ? { all } : {}),
		...(dryRun ? { dryRun } : {}),
	});
	if (json) return (await import("../report/prune-json.ts")).pruneJson(result, dryRun === true);
	const { pruneText } = await import("../report/prune-text.ts");
	return pruneText(result, { dryRun: dryRun === true, olderThanMs, colors: colorsFor(stdout) });
}
