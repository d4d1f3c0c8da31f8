import { resolve } from "node:path";
import {
	AgentvError,
	type DoctorOptions,
	discoverEvals,
	examine,
	openDiskView,
	pruneCache,
	resolveBenchmarkPaths,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { colorsFor } from "../output/terminal.ts";

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
	if (json) return (await import("../output/maintenance.ts")).pruneJson(result, dryRun === true);
	const { pruneText } = await import("../output/maintenance.ts");
	return pruneText(result, { dryRun: dryRun === true, olderThanMs, colors: colorsFor(stdout) });
}

interface DoctorCommandOptions {
	readonly target?: readonly string[];
	readonly targets?: string;
	readonly benchmark?: string;
	readonly online?: boolean;
	/** Seconds. */
	readonly timeout: number;
	readonly json?: boolean;
}

export async function doctor(
	args: readonly string[],
	options: DoctorCommandOptions,
	context: Context,
): Promise<CommandResult> {
	const { env, cwd, signal, stdout } = context;
	const evals = namedEvals(args, options.benchmark, context);
	const request: DoctorOptions = {
		env,
		cwd,
		signal,
		...(evals ? { evals } : {}),
		...(options.target ? { targets: options.target } : {}),
		...(options.targets === undefined ? {} : { targetsFile: resolve(cwd, options.targets) }),
		...(options.online ? { onlineMs: options.timeout * 1000 } : {}),
	};
	const items = await examine(request);
	if (options.json) return (await import("../output/maintenance.ts")).doctorJson(items);
	return (await import("../output/maintenance.ts")).doctorText(items, stdout);
}

/** Returns undefined if no evals are named: doctor then searches itself, and may find none. */
function namedEvals(
	args: readonly string[],
	benchmark: string | undefined,
	{ env, cwd }: Context,
): readonly string[] | undefined {
	const view = openDiskView();
	if (benchmark !== undefined) return resolveBenchmarkPaths(benchmark, args, { env, view }).files;
	return args.length > 0 ? discoverEvals(args, cwd, view) : undefined;
}
