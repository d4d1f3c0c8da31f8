import { resolve } from "node:path";
import {
	AgentvError,
	type DiskView,
	describePlan,
	discoverEvals,
	lastRunOf,
	nearestName,
	openDiskView,
	planRun,
	type RunRequest,
	readRun,
	resolveBenchmarkPaths,
	resolveRun,
	resumedRequest,
	runEvals,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { followRun, gatheredOf } from "../run/follow-run.ts";
import type { RunReporter } from "../run/run-report.ts";
import { colorsFor } from "../terminal/colors.ts";
import { version } from "../version.ts";

export interface EvalRunOptions {
	readonly target?: readonly string[];
	readonly targets?: string;
	readonly test?: readonly string[];
	readonly tag?: readonly string[];
	readonly limit?: number;
	readonly benchmark?: string;
	readonly workers?: number;
	readonly threshold?: number;
	readonly repeat?: number;
	readonly timeout?: number;
	readonly experiment?: string;
	readonly output?: string;
	readonly resume?: boolean;
	readonly retryErrors?: boolean;
	readonly run?: string;
	readonly envFile?: string;
	readonly keepWorkspaces?: boolean;
	readonly bail?: boolean;
	readonly budgetUsd?: number;
	readonly cache?: boolean;
	readonly dryRun?: boolean;
	readonly reporter: string;
	readonly json?: boolean;
	/** Names of the commands beside this one: a mistyped one reads as a path here. */
	readonly siblings: readonly string[];
}

/** Each reporter, loaded when it is asked for. */
const reporters: Readonly<Record<string, () => Promise<RunReporter>>> = {
	text: async () => (await import("../report/run-text.ts")).runText,
	json: async () => (await import("../report/run-json.ts")).runJson,
	junit: async () => (await import("../report/run-junit.ts")).runJunit,
	github: async () => (await import("../report/run-github.ts")).runGithub,
};

/** `agentv eval run`: runs evals, shows how it goes and reports what came of it. */
export async function evalRun(
	args: readonly string[],
	options: EvalRunOptions,
	context: Context,
): Promise<CommandResult> {
	const reporter = await reporterOf(options);
	const resumes = options.resume === true || options.retryErrors === true;
	const files = findEvals(args, options, context, resumes);
	const given = requestOf(files, options, context);
	const directory = resumes ? resumedDirectory(files, options, context) : undefined;
	const request = directory === undefined ? given : resumedRequest(readRun(directory).run, given);
	const machine = { env: context.env, cwd: context.cwd, version };
	const plan = planRun(request, machine);
	if (options.dryRun) {
		const { dryRunText } = await import("../run/dry-run-text.ts");
		return dryRunText(describePlan(plan), options.json === true || options.reporter === "json");
	}
	const output = directory ?? (options.output === undefined ? undefined : resolve(context.cwd, options.output));
	const events = runEvals(plan, machine, {
		signal: context.signal,
		resume: resumes,
		retryErrors: options.retryErrors === true,
		...(output === undefined ? {} : { output }),
	});
	const forPeople = options.reporter === "text" && !options.json;
	const done = await followRun(events, { allRows: reporter.allRows, forPeople }, context);
	const before = resumes ? gatheredOf(readRun(done.runDir).rows, reporter.allRows) : {};
	return reporter.report({ ...done, ...before, plan, cwd: context.cwd, colors: colorsFor(context.stdout) });
}

async function reporterOf({ reporter, json }: EvalRunOptions): Promise<RunReporter> {
	if (json && reporter === "text") return (await import("../report/run-json.ts")).runBriefJson;
	const open = Object.hasOwn(reporters, reporter) ? reporters[reporter] : undefined;
	if (open) return open();
	throw new AgentvError("usage", `there is no reporter ${JSON.stringify(reporter)}`, {
		hint: `reporters: ${Object.keys(reporters).join(", ")}`,
	});
}

function findEvals(
	args: readonly string[],
	{ benchmark, run, output, siblings }: EvalRunOptions,
	{ env, cwd }: Context,
	resumes: boolean,
): readonly string[] {
	const view = openDiskView();
	if (benchmark !== undefined) return resolveBenchmarkPaths(benchmark, args, { env, view }).files;
	if (args.length > 0) return namedEvals(args, siblings, cwd, view);
	if (resumes && (run !== undefined || output !== undefined)) return [];
	throw new AgentvError("usage", "missing required argument 'evals'", {
		hint: "Name an eval file, a directory or a glob. `agentv eval run --help` lists what there is.",
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

function requestOf(evals: readonly string[], options: EvalRunOptions, { cwd }: Context): RunRequest {
	const { target, targets, test, tag, timeout, envFile, keepWorkspaces, bail, cache } = options;
	const same = Object.fromEntries(
		(["limit", "workers", "threshold", "repeat", "experiment", "budgetUsd"] as const).flatMap((key) =>
			options[key] === undefined ? [] : [[key, options[key]]],
		),
	);
	return {
		evals,
		...same,
		...(target ? { targets: target } : {}),
		...(targets === undefined ? {} : { targetsFile: resolve(cwd, targets) }),
		...(test ? { tests: test } : {}),
		...(tag ? { tags: tag } : {}),
		...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
		...(envFile === undefined ? {} : { envFile: resolve(cwd, envFile) }),
		...(keepWorkspaces ? { keepWorkspaces } : {}),
		...(bail ? { bail } : {}),
		...(cache ? { cache } : {}),
	};
}

/** The run to go on with: the one that is named, else the last one of these evals. */
function resumedDirectory(files: readonly string[], { run, output }: EvalRunOptions, { env, cwd }: Context): string {
	if (run !== undefined) return resolveRun(run, { env, cwd });
	if (output !== undefined) return resolve(cwd, output);
	const last = lastRunOf(files, { env, cwd });
	if (last !== undefined) return last;
	throw new AgentvError("not-found", "these evals have no run to go on with", { hint: "Run them without --resume." });
}
