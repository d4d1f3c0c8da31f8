import { checkPlannedSchemas, describePlan, planRun } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { type ReporterChoice, reportedRun } from "../run/reported-run.ts";
import { type StartChoices, startedRun } from "../run/started-run.ts";
import { version } from "../version.ts";

export interface EvalRunOptions extends StartChoices, ReporterChoice {
	readonly dryRun?: boolean;
}

/** `agentv eval run`: runs evals, shows how it goes and reports what came of it. */
export async function evalRun(
	args: readonly string[],
	options: EvalRunOptions,
	context: Context,
): Promise<CommandResult> {
	const { request, output, resumes } = startedRun(args, options, context);
	const machine = { env: context.env, cwd: context.cwd, version };
	const plan = planRun(request, machine);
	if (options.dryRun) {
		await checkPlannedSchemas(plan);
		const { dryRunText } = await import("../run/dry-run-text.ts");
		return dryRunText(
			describePlan(plan, request.onlyMissing ?? (resumes ? output : undefined)),
			options.json === true || options.reporter === "json",
		);
	}
	const run = { resume: resumes, retryErrors: options.retryErrors === true };
	return reportedRun(plan, machine, { ...run, ...(output === undefined ? {} : { output }) }, options, context);
}
