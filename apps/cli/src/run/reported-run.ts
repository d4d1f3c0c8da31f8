import { openRun, type RunMachine, type RunOptions, type RunPlan, runEvals } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import type { RunReporterName } from "../program/choices.ts";
import { colorsFor } from "../terminal/colors.ts";
import { tableColumns } from "../terminal/table-columns.ts";
import { followRun } from "./follow-run.ts";
import type { RunReporter } from "./run-report.ts";

export interface ReporterChoice {
	readonly reporter: RunReporterName;
	readonly json?: boolean;
}

/** Loads reporters on demand. */
const reporters: Readonly<Record<RunReporterName, () => Promise<RunReporter>>> = {
	text: async () => (await import("../report/run-text.ts")).runText,
	json: async () => (await import("../report/run-json.ts")).runJson,
	junit: async () => (await import("../report/run-junit.ts")).runJunit,
	github: async () => (await import("../report/run-github.ts")).runGithub,
};

/** Runs a plan, shows its progress and reports the result. */
export async function reportedRun(
	plan: RunPlan,
	machine: RunMachine,
	options: Omit<RunOptions, "signal">,
	choice: ReporterChoice,
	context: Context,
): Promise<CommandResult> {
	const reporter = await reporterOf(choice);
	const events = runEvals(plan, machine, { signal: context.signal, ...options });
	const forPeople = choice.reporter === "text" && !choice.json;
	const done = await followRun(events, forPeople, context);
	const screen = { colors: colorsFor(context.stdout), columns: tableColumns(context.stdout) };
	return reporter({ ...done, run: openRun(done.runDir), plan, cwd: context.cwd, ...screen });
}

async function reporterOf({ reporter, json }: ReporterChoice): Promise<RunReporter> {
	if (json && reporter === "text") return (await import("../report/run-json.ts")).runBriefJson;
	return reporters[reporter]();
}
