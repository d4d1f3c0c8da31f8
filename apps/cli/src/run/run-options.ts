import { resolve } from "node:path";
import {
	AgentvError,
	type DiskView,
	discoverEvals,
	nearestName,
	openDiskView,
	type RunRequest,
	resolveBenchmarkPaths,
} from "@agentv/core";
import type { Context } from "../context.ts";

/** Options that grant access beyond the evals' own files. */
export interface AccessChoices {
	readonly allowOutside?: readonly string[];
	readonly trust?: "any";
}

/** Options that select tests and configure runs, shared by `eval run` and `eval matrix`. */
export interface RunChoices extends AccessChoices {
	readonly target?: readonly string[];
	readonly targets?: string;
	readonly test?: readonly string[];
	readonly tag?: readonly string[];
	readonly excludeTag?: readonly string[];
	readonly graderTarget?: string;
	readonly limit?: number;
	readonly benchmark?: string;
	readonly workers?: number;
	readonly threshold?: number;
	readonly repeat?: number;
	readonly timeout?: number;
	readonly experiment?: string;
	readonly envFile?: string;
	readonly keepWorkspaces?: boolean;
	readonly bail?: boolean;
	readonly budgetUsd?: number;
	readonly cache?: boolean;
	/** Names of the sibling commands, for suggestions: a mistyped one is parsed as a path. */
	readonly siblings: readonly string[];
}

/** Finds the named eval files, or those of a benchmark. @throws AgentvError `usage` if there are none */
export function findEvals(
	args: readonly string[],
	{ benchmark, siblings }: Pick<RunChoices, "benchmark" | "siblings">,
	{ env, cwd }: Context,
): readonly string[] {
	const view = openDiskView();
	if (benchmark !== undefined) return resolveBenchmarkPaths(benchmark, args, { env, view }).files;
	if (args.length > 0) return namedEvals(args, siblings, cwd, view);
	throw new AgentvError("usage", "missing required argument 'evals'", {
		hint: "Specify an eval file, a directory or a glob. See `agentv eval run --help`.",
	});
}

function namedEvals(
	args: readonly string[],
	siblings: readonly string[],
	cwd: string,
	view: DiskView,
): readonly string[] {
	try {
		return discoverEvals(args, cwd, view);
	} catch (error) {
		const meant = nearestName(args[0] ?? "", siblings);
		if (!(error instanceof AgentvError) || meant === undefined) throw error;
		throw new AgentvError(error.code, error.message, { hint: `Did you mean \`agentv eval ${meant}\`?`, cause: error });
	}
}

/** Builds the request for core. @param args evals as given on the command line */
export function requestOf(
	evals: readonly string[],
	options: Omit<RunChoices, "siblings">,
	{ cwd }: Context,
	args: readonly string[],
): RunRequest {
	const { target, targets, test, tag, excludeTag, timeout, envFile, keepWorkspaces, bail, cache } = options;
	const same = Object.fromEntries(
		(["graderTarget", "limit", "workers", "threshold", "repeat", "experiment", "budgetUsd"] as const).flatMap((key) =>
			options[key] === undefined ? [] : [[key, options[key]]],
		),
	);
	return {
		evals,
		named: args.map((arg) => resolve(cwd, arg)),
		...same,
		...(target ? { targets: target } : {}),
		...(targets === undefined ? {} : { targetsFile: resolve(cwd, targets) }),
		...(test ? { tests: test } : {}),
		...(tag ? { tags: tag } : {}),
		...(excludeTag ? { excludeTags: excludeTag } : {}),
		...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
		...(envFile === undefined ? {} : { envFile: resolve(cwd, envFile) }),
		...(keepWorkspaces ? { keepWorkspaces } : {}),
		...(bail ? { bail } : {}),
		...(cache ? { cache } : {}),
		...accessRequest(options, cwd),
	};
}

/** Builds the access part of the request for core. */
export function accessRequest(
	{ allowOutside, trust }: AccessChoices,
	cwd: string,
): Pick<RunRequest, "allowOutside" | "trust"> {
	return {
		...(allowOutside ? { allowOutside: allowOutside.map((path) => resolve(cwd, path)) } : {}),
		...(trust ? { trust } : {}),
	};
}
