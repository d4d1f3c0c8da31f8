import { checkPlannedSchemas, describePlan, isUnbegun, planRun } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { type ReporterChoice, reportedRun } from "../run/reported-run.ts";
import { type StartChoices, startedRun } from "../run/started-run.ts";
import { version } from "../version.ts";

export interface EvalRunOptions extends StartChoices, ReporterChoice {
	readonly dryRun?: boolean;
}

export async function evalRun(
	args: readonly string[],
	options: EvalRunOptions,
	context: Context,
): Promise<CommandResult> {
	const { request, output, resumes } = startedRun(args, options, context);
	const machine = { env: context.env, cwd: context.cwd, version };
	const plan = planRun(request, machine);
	const { retryErrors = false, rerunChanged = false } = options;
	if (options.dryRun) {
		await checkPlannedSchemas(plan);
		const { dryRunText } = await import("../run/dry-run-text.ts");
		const resumed = resumes && output !== undefined && !isUnbegun(output) ? { directory: output } : {};
		const description = describePlan(plan, { retryErrors, rerunChanged, ...resumed });
		return dryRunText(description, options.json === true || options.reporter === "json");
	}
	const run = { resume: resumes, retryErrors, rerunChanged };
	return reportedRun(plan, machine, { ...run, ...(output === undefined ? {} : { output }) }, options, context);
}
