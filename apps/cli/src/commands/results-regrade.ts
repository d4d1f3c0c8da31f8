import { resolve } from "node:path";
import { originRequest, planRun, type RunRequest, readRunFile, resolveRun } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { type ReporterChoice, reportedRun } from "../run/reported-run.ts";
import { version } from "../version.ts";

export interface ResultsRegradeOptions extends ReporterChoice {
	readonly grader?: readonly string[];
	readonly graderTarget?: string;
	readonly eval?: readonly string[];
	readonly test?: readonly string[];
	readonly targets?: string;
	readonly envFile?: string;
	readonly output?: string;
	readonly workers?: number;
	readonly budgetUsd?: number;
	readonly cache?: boolean;
}

/** `agentv results regrade`: grades the recorded answers of a run again, into a new run that names its origin. */
export async function resultsRegrade(
	which: string,
	options: ResultsRegradeOptions,
	context: Context,
): Promise<CommandResult> {
	const directory = resolveRun(which, context);
	const machine = { env: context.env, cwd: context.cwd, version };
	const plan = planRun(requestOf(directory, options, context), machine);
	const output = options.output === undefined ? {} : { output: resolve(context.cwd, options.output) };
	return reportedRun(plan, machine, output, options, context);
}

function requestOf(directory: string, options: ResultsRegradeOptions, { cwd }: Context): RunRequest {
	const { grader, graderTarget, test, targets, envFile, workers, budgetUsd, cache } = options;
	return originRequest(readRunFile(directory), {
		evals: (options.eval ?? []).map((path) => resolve(cwd, path)),
		regrade: { origin: directory, ...(grader ? { graders: grader } : {}) },
		...(graderTarget === undefined ? {} : { graderTarget }),
		...(test ? { tests: test } : {}),
		...(targets === undefined ? {} : { targetsFile: resolve(cwd, targets) }),
		...(envFile === undefined ? {} : { envFile: resolve(cwd, envFile) }),
		...(workers === undefined ? {} : { workers }),
		...(budgetUsd === undefined ? {} : { budgetUsd }),
		...(cache ? { cache } : {}),
	});
}
