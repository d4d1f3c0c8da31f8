import { resolve } from "node:path";
import { type DoctorOptions, discoverEvals, examine, openDiskView, resolveBenchmarkPaths } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";

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
	if (options.json) return (await import("../report/doctor-json.ts")).doctorJson(items);
	return (await import("../report/doctor-text.ts")).doctorText(items, stdout);
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
