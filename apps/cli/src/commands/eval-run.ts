import { resolve } from "node:path";
import {
	AgentvError,
	checkPlannedSchemas,
	describePlan,
	discoverEvals,
	isUnbegun,
	openDiskView,
	planRun,
	recordAnswers,
	terminalSafeLine,
} from "@agentv/core";
import { type CommandResult, type Context, version } from "../context.ts";
import { type ReporterChoice, reportedRun } from "../output/reported-run.ts";
import { type AccessChoices, accessRequest, type StartChoices, startedRun } from "../output/run-report.ts";

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
		const { dryRunText } = await import("../output/dry-run.ts");
		const resumed = resumes && output !== undefined && !isUnbegun(output) ? { directory: output } : {};
		const description = describePlan(plan, { retryErrors, rerunChanged, ...resumed });
		return dryRunText(description, options.json === true || options.reporter === "json");
	}
	const run = { resume: resumes, retryErrors, rerunChanged };
	return reportedRun(plan, machine, { ...run, ...(output === undefined ? {} : { output }) }, options, context);
}

export interface EvalRecordOptions extends AccessChoices {
	readonly out: string;
	readonly target?: readonly string[];
	readonly test?: readonly string[];
	readonly workers?: number;
	readonly repeat?: number;
}

export async function evalRecord(file: string, options: EvalRecordOptions, context: Context): Promise<CommandResult> {
	const { env, cwd, signal } = context;
	const evals = discoverEvals([file], cwd, openDiskView());
	const { target, test, workers, repeat } = options;
	const machine = { env, cwd, version };
	const request = {
		...{ evals, named: [resolve(cwd, file)], ungraded: true },
		...(target ? { targets: target } : {}),
		...(test ? { tests: test } : {}),
		...(workers === undefined ? {} : { workers }),
		...(repeat === undefined ? {} : { repeat }),
		...accessRequest(options, cwd),
	};
	const out = resolve(cwd, options.out);
	const { recorded, missing, outcome } = await recordAnswers(planRun(request, machine), machine, { file: out, signal });
	if (outcome === "interrupted") throw new AgentvError("interrupted", "the recording was interrupted");
	const lines = [
		...missing.map(({ testId, message }) => `✗ ${terminalSafeLine(testId)}: ${terminalSafeLine(message)}`),
		recorded === 0
			? "No answers were recorded."
			: `Recorded the answers to ${recorded} ${recorded === 1 ? "test" : "tests"} in ${options.out}.`,
	];
	return { text: `${lines.join("\n")}\n`, exitCode: missing.length > 0 || outcome !== "complete" ? 4 : 0 };
}
