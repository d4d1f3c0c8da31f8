import { resolve } from "node:path";
import {
	AgentvError,
	type DiskView,
	discoverEvals,
	isUnbegun,
	lastRunOf,
	nearestName,
	type OpenRun,
	openDiskView,
	originRequest,
	type RunOutcome,
	type RunPlan,
	type RunRequest,
	type RunSummary,
	realPath,
	resolveBenchmarkPaths,
	resolveRun,
	resumedRequest,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import type { Colors } from "./terminal.ts";

export interface RunReport {
	readonly runDir: string;
	readonly summary: RunSummary;
	readonly outcome: RunOutcome;
	/** Includes rows from before the run was resumed. */
	readonly run: OpenRun;
	readonly plan: RunPlan;
	/** Absolute; paths are shown relative to it. */
	readonly cwd: string;
	readonly colors: Colors;
	readonly columns: number;
}

/** The command decides the exit code. */
export type RunReporter = (report: RunReport) => Omit<CommandResult, "exitCode">;

export interface AccessChoices {
	readonly allowOutside?: readonly string[];
	readonly trust?: "any";
}

/** Shared by `eval run` and `eval matrix`. */
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
	/** The sibling commands: a mistyped one is parsed as a path. */
	readonly siblings: readonly string[];
}

/** @throws AgentvError `usage` if no evals are found */
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

/** @param args evals as given on the command line */
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

export function accessRequest(
	{ allowOutside, trust }: AccessChoices,
	cwd: string,
): Pick<RunRequest, "allowOutside" | "trust"> {
	return {
		...(allowOutside ? { allowOutside: allowOutside.map((path) => resolve(cwd, path)) } : {}),
		...(trust ? { trust } : {}),
	};
}

export interface StartChoices extends RunChoices {
	readonly output?: string;
	readonly resume?: boolean;
	readonly retryErrors?: boolean;
	readonly rerunChanged?: boolean;
	readonly run?: string;
	readonly shard?: { readonly index: number; readonly count: number };
	readonly durationsFrom?: string;
	readonly onlyMissing?: string;
	readonly rerunFailed?: string;
}

interface StartedRun {
	readonly request: RunRequest;
	/** Absolute; absent for a new directory in the results folder. */
	readonly output?: string;
	/** Whether to resume the run in `output`. */
	readonly resumes: boolean;
}

/** @throws AgentvError `usage`, `not-found` */
export function startedRun(args: readonly string[], options: StartChoices, context: Context): StartedRun {
	refuseContradictions(options);
	const resumes = options.resume === true || options.retryErrors === true;
	if (options.onlyMissing !== undefined) return completion(args, options.onlyMissing, resumes, options, context);
	if (options.rerunFailed !== undefined) return rerun(args, options.rerunFailed, options, context);
	const { run, output, shard, durationsFrom } = options;
	// A run that was killed before its first record starts over, with the evals given now.
	const begins = output !== undefined && run === undefined && isUnbegun(resolve(context.cwd, output));
	const isNamed = resumes && !begins && (run !== undefined || output !== undefined);
	const files = evalsOf(args, options, context, isNamed);
	const requested = { ...requestOf(files, options, context, args), ...(shard ? { shard } : {}) };
	if (resumes && !begins) {
		const directory = resumedDirectory(files, options, context);
		return { request: resumedRequest(directory, requested), output: directory, resumes };
	}
	const durations =
		durationsFrom === undefined ? {} : { durationsFrom: resolveRun(durationsFrom, context, { wholeOnly: true }) };
	return { request: { ...requested, ...durations }, resumes, ...outputOf(options, context) };
}

function refuseContradictions(options: StartChoices): void {
	const { shard, durationsFrom, onlyMissing, run, rerunFailed, resume, retryErrors, rerunChanged } = options;
	if (rerunChanged && !resume && !retryErrors && onlyMissing === undefined)
		throw new AgentvError("usage", "--rerun-changed requires a run to resume", {
			hint: "Add --resume, --retry-errors or --only-missing RUN.",
		});
	const others = { "--resume": resume, "--retry-errors": retryErrors, "--run": run, "--only-missing": onlyMissing };
	const [conflicting] = Object.entries(others).find(([, value]) => value !== undefined && value !== false) ?? [];
	if (rerunFailed !== undefined && conflicting !== undefined)
		throw new AgentvError("usage", `--rerun-failed and ${conflicting} cannot be combined`, {
			hint: "--rerun-failed starts a new run; resume that one with --resume.",
		});
	if (durationsFrom !== undefined && !shard) throw new AgentvError("usage", "--durations-from requires --shard I/N");
	if (onlyMissing === undefined || (!shard && run === undefined)) return;
	throw new AgentvError("usage", `--only-missing and ${shard ? "--shard" : "--run"} cannot be combined`, {
		hint: "--only-missing runs the missing tests of all shards.",
	});
}

function completion(
	args: readonly string[],
	which: string,
	resumes: boolean,
	options: StartChoices,
	context: Context,
): StartedRun {
	const base = resolveRun(which, context);
	const requested = requestOf(evalsOf(args, options, context, true), options, context, args);
	const request = resumedRequest(base, requested);
	const { output = base } = outputOf(options, context);
	if (realPath(output) === realPath(base)) return { request, output: base, resumes: true };
	if (options.rerunChanged)
		throw new AgentvError("usage", "--rerun-changed replaces results of a run, so they can't go to another run", {
			hint: "Omit --output to run the missing tests inside the same run.",
		});
	return { request: { ...request, onlyMissing: base }, output, resumes };
}

function rerun(args: readonly string[], which: string, options: StartChoices, context: Context): StartedRun {
	const rerunFailed = resolveRun(which, context);
	const requested = requestOf(evalsOf(args, options, context, true), options, context, args);
	const request = originRequest(rerunFailed, { ...requested, rerunFailed });
	return { request, resumes: false, ...outputOf(options, context) };
}

/** Accepts omitted evals if `optional`. */
function evalsOf(
	args: readonly string[],
	options: StartChoices,
	context: Context,
	mayBeNone: boolean,
): readonly string[] {
	return mayBeNone && args.length === 0 && options.benchmark === undefined ? [] : findEvals(args, options, context);
}

function outputOf({ output }: StartChoices, { cwd }: Context): { readonly output?: string } {
	return output === undefined ? {} : { output: resolve(cwd, output) };
}

function resumedDirectory(files: readonly string[], { run, output }: StartChoices, context: Context): string {
	if (run !== undefined) return resolveRun(run, context);
	if (output !== undefined) return resolve(context.cwd, output);
	const last = lastRunOf(files, context);
	if (last !== undefined) return last;
	throw new AgentvError("not-found", "no previous run of these evals to resume", {
		hint: "Run them without --resume.",
	});
}
