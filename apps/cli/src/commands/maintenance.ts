import { resolve } from "node:path";
import {
	AgentvError,
	discoverEvals,
	examine,
	openDiskView,
	pruneCache,
	recordToWire,
	resolveBenchmarkPaths,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { countItems, doctorText, pruneJson, pruneText } from "../output/maintenance.ts";
import { colorsFor, json as jsonText } from "../output/terminal.ts";

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
	const result = await pruneCache({ env, olderThanMs, now: Date.now(), signal, all, dryRun });
	const text = json
		? pruneJson(result, dryRun === true)
		: pruneText(result, { dryRun: dryRun === true, olderThanMs, colors: colorsFor(stdout) });
	return { text, exitCode: result.failed.length > 0 ? 1 : 0 };
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
	const items = await examine({
		env,
		cwd,
		signal,
		evals,
		targets: options.target,
		targetsFile: options.targets === undefined ? undefined : resolve(cwd, options.targets),
		onlineMs: options.online ? options.timeout * 1000 : undefined,
	});
	const summary = countItems(items);
	// Schema: docs/schemas/doctor-output.schema.json.
	const text = options.json ? jsonText({ items: recordToWire(items), summary }) : doctorText(items, stdout);
	return { text, exitCode: summary.problems > 0 ? 1 : 0 };
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
