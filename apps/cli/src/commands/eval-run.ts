import { describePlan, planRun, readRun, runEvals } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import type { RunReporterName } from "../program/choices.ts";
import { followRun, gatheredOf } from "../run/follow-run.ts";
import type { RunReporter } from "../run/run-report.ts";
import { type StartChoices, startedRun } from "../run/started-run.ts";
import { colorsFor } from "../terminal/colors.ts";
import { tableColumns } from "../terminal/table-columns.ts";
import { version } from "../version.ts";

export interface EvalRunOptions extends StartChoices {
	readonly dryRun?: boolean;
	readonly reporter: RunReporterName;
	readonly json?: boolean;
}

/** Each reporter, loaded when it is asked for. */
const reporters: Readonly<Record<RunReporterName, () => Promise<RunReporter>>> = {
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
	const { request, output, resumes } = startedRun(args, options, context);
	const machine = { env: context.env, cwd: context.cwd, version };
	const plan = planRun(request, machine);
	if (options.dryRun) {
		const { dryRunText } = await import("../run/dry-run-text.ts");
		return dryRunText(
			describePlan(plan, request.onlyMissing ?? (resumes ? output : undefined)),
			options.json === true || options.reporter === "json",
		);
	}
	const events = runEvals(plan, machine, {
		signal: context.signal,
		resume: resumes,
		retryErrors: options.retryErrors === true,
		...(output === undefined ? {} : { output }),
	});
	const forPeople = options.reporter === "text" && !options.json;
	const done = await followRun(events, { allRows: reporter.allRows, forPeople }, context);
	const before = resumes ? gatheredOf(readRun(done.runDir).rows, reporter.allRows) : {};
	const screen = { colors: colorsFor(context.stdout), columns: tableColumns(context.stdout) };
	return reporter.report({ ...done, ...before, plan, cwd: context.cwd, ...screen });
}

async function reporterOf({ reporter, json }: EvalRunOptions): Promise<RunReporter> {
	if (json && reporter === "text") return (await import("../report/run-json.ts")).runBriefJson;
	return reporters[reporter]();
}
