import { resolve } from "node:path";
import {
	AgentvError,
	isUnbegun,
	lastRunOf,
	originRequest,
	type RunRequest,
	realPath,
	resolveRun,
	resumedRequest,
} from "@agentv/core";
import type { Context } from "../context.ts";
import { findEvals, type RunChoices, requestOf } from "./run-options.ts";

/** Options that say whether a run is new, and which part of the tests it is about. */
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

/** A run that is to be started, or gone on with. */
export interface StartedRun {
	readonly request: RunRequest;
	/** Absolute; absent: a new directory below the results folder. */
	readonly output?: string;
	/** Whether the run in `output` goes on; one that was killed before it had begun begins anew. */
	readonly resumes: boolean;
}

/** Decides between a new run, one that goes on, and one of what another left. @throws AgentvError `usage`, `not-found` */
export function startedRun(args: readonly string[], options: StartChoices, context: Context): StartedRun {
	refuseContradictions(options);
	const resumes = options.resume === true || options.retryErrors === true;
	if (options.onlyMissing !== undefined) return completion(args, options.onlyMissing, resumes, options, context);
	if (options.rerunFailed !== undefined) return rerun(args, options.rerunFailed, options, context);
	const { run, output, shard, durationsFrom } = options;
	// A run that was killed before it had begun begins anew, of the evals that are named.
	const begins = output !== undefined && run === undefined && isUnbegun(resolve(context.cwd, output));
	const isNamed = resumes && !begins && (run !== undefined || output !== undefined);
	const files = evalsOf(args, options, context, isNamed);
	const given = { ...requestOf(files, options, context, args), ...(shard ? { shard } : {}) };
	if (resumes && !begins) {
		const directory = resumedDirectory(files, options, context);
		return { request: resumedRequest(directory, given), output: directory, resumes };
	}
	const durations =
		durationsFrom === undefined ? {} : { durationsFrom: resolveRun(durationsFrom, context, { wholeOnly: true }) };
	return { request: { ...given, ...durations }, resumes, ...outputOf(options, context) };
}

function refuseContradictions(options: StartChoices): void {
	const { shard, durationsFrom, onlyMissing, run, rerunFailed, resume, retryErrors, rerunChanged } = options;
	if (rerunChanged && !resume && !retryErrors && onlyMissing === undefined)
		throw new AgentvError("usage", "--rerun-changed needs a run to resume", {
			hint: "Add --resume, --retry-errors or --only-missing RUN.",
		});
	const others = { "--resume": resume, "--retry-errors": retryErrors, "--run": run, "--only-missing": onlyMissing };
	const [other] = Object.entries(others).find(([, value]) => value !== undefined && value !== false) ?? [];
	if (rerunFailed !== undefined && other !== undefined)
		throw new AgentvError("usage", `--rerun-failed and ${other} exclude each other`, {
			hint: "--rerun-failed starts a new run; resume that one by --resume.",
		});
	if (durationsFrom !== undefined && !shard)
		throw new AgentvError("usage", "--durations-from says how shards are balanced: it needs --shard I/N");
	if (onlyMissing === undefined || (!shard && run === undefined)) return;
	throw new AgentvError("usage", `--only-missing and ${shard ? "--shard" : "--run"} exclude each other`, {
		hint: "A run's missing tests are all of them, whichever shard they were to be in.",
	});
}

/** What a run has no result of: run inside of it, or with `--output` as a run of its own. */
function completion(
	args: readonly string[],
	which: string,
	resumes: boolean,
	options: StartChoices,
	context: Context,
): StartedRun {
	const base = resolveRun(which, context);
	const given = requestOf(evalsOf(args, options, context, true), options, context, args);
	const request = resumedRequest(base, given);
	const { output = base } = outputOf(options, context);
	if (realPath(output) === realPath(base)) return { request, output: base, resumes: true };
	if (options.rerunChanged)
		throw new AgentvError("usage", "--rerun-changed replaces results of a run, which another run can't do", {
			hint: "Leave out --output: what is missing is then run inside of the run that it is missing from.",
		});
	return { request: { ...request, onlyMissing: base }, output, resumes };
}

/** The tests of a run that did not pass, as a run of their own: the first result stays as it is. */
function rerun(args: readonly string[], which: string, options: StartChoices, context: Context): StartedRun {
	const rerunFailed = resolveRun(which, context);
	const given = requestOf(evalsOf(args, options, context, true), options, context, args);
	const request = originRequest(rerunFailed, { ...given, rerunFailed });
	return { request, resumes: false, ...outputOf(options, context) };
}

/** The evals that are named; none where they need not be. */
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

/** The run to go on with: the one that is named, else the last one of these evals. */
function resumedDirectory(files: readonly string[], { run, output }: StartChoices, context: Context): string {
	if (run !== undefined) return resolveRun(run, context);
	if (output !== undefined) return resolve(context.cwd, output);
	const last = lastRunOf(files, context);
	if (last !== undefined) return last;
	throw new AgentvError("not-found", "these evals have no run to go on with", { hint: "Run them without --resume." });
}
