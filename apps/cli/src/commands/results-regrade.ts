import { resolve } from "node:path";
import { originRequest, planRun, type RunRequest, resolveRun } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { type ReporterChoice, reportedRun } from "../run/reported-run.ts";
import { type AccessChoices, type RunChoices, requestOf } from "../run/run-options.ts";
import { version } from "../version.ts";

export interface ResultsRegradeOptions
	extends ReporterChoice,
		AccessChoices,
		Pick<RunChoices, "graderTarget" | "test" | "targets" | "envFile" | "workers" | "budgetUsd" | "cache"> {
	readonly grader?: readonly string[];
	readonly eval?: readonly string[];
	readonly output?: string;
}

/** Grades the recorded answers of a run again, as a new run that records its origin. */
export async function resultsRegrade(
	which: string,
	options: ResultsRegradeOptions,
	context: Context,
): Promise<CommandResult> {
	const directory = resolveRun(which, context);
	const machine = { env: context.env, cwd: context.cwd, version };
	const plan = planRun(regradeRequest(directory, options, context), machine);
	const output = options.output === undefined ? {} : { output: resolve(context.cwd, options.output) };
	return reportedRun(plan, machine, output, options, context);
}

function regradeRequest(directory: string, options: ResultsRegradeOptions, context: Context): RunRequest {
	const evals = (options.eval ?? []).map((path) => resolve(context.cwd, path));
	return originRequest(directory, {
		...requestOf(evals, options, context, evals),
		regrade: { origin: directory, ...(options.grader ? { graders: options.grader } : {}) },
	});
}
