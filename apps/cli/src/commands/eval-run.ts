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
	resolveRun,
	shardSizes,
	terminalSafeLine,
} from "@agentv/core";
import { type CommandResult, type Context, version } from "../context.ts";
import type { matrixFormats } from "../exporters/formats.ts";
import { type ShardChoices, shardArguments, shardPlans } from "../exporters/matrix.ts";
import { type ReporterChoice, reportedRun } from "../output/reported-run.ts";
import {
	type AccessChoices,
	accessRequest,
	findEvals,
	requestOf,
	type StartChoices,
	startedRun,
} from "../output/run-report.ts";

interface EvalRunOptions extends StartChoices, ReporterChoice {
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

interface EvalRecordOptions extends AccessChoices {
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

interface JobChoices {
	readonly image?: string;
	readonly name?: string;
	readonly claim?: string;
	readonly secret?: readonly string[];
	readonly retries?: number;
	readonly parallelism?: number;
}

interface EvalMatrixOptions extends ShardChoices, JobChoices {
	readonly shards: number;
	readonly format: (typeof matrixFormats)[number];
	readonly output?: string;
}

export async function evalMatrix(
	evals: readonly string[],
	options: EvalMatrixOptions,
	context: Context,
): Promise<CommandResult> {
	const { format, shards } = options;
	if (format !== "k8s") refuseJobChoices(options);
	const request = requestOf(findEvals(evals, options, context), options, context, evals);
	const { durationsFrom } = options;
	const durationsRun =
		durationsFrom === undefined ? undefined : resolveRun(durationsFrom, context, { wholeOnly: true });
	const plan = planRun(request, { env: context.env, cwd: context.cwd, version });
	const args = shardArguments(evals, options);
	if (format === "k8s") {
		const { matrixK8s } = await import("../exporters/matrix.ts");
		return { text: matrixK8s(jobSettings(options, args, plan.evals[0]?.name ?? "eval")), exitCode: 0 };
	}
	const plans = shardPlans(args, shardSizes(plan.cases, shards, durationsRun), options.output ?? "shards");
	const text =
		format === "github"
			? (await import("../exporters/matrix.ts")).matrixGithub(plans)
			: (await import("../exporters/matrix.ts")).matrixLines(plans);
	return { text, exitCode: 0 };
}

/** Leaves room for a shard's index in the names of pods. */
const maxNameLength = 50;

const jobOptions = ["image", "name", "claim", "secret", "retries", "parallelism"] as const;

function refuseJobChoices(options: EvalMatrixOptions): void {
	const jobOption = jobOptions.find((key) => options[key] !== undefined);
	if (jobOption) throw new AgentvError("usage", `--${jobOption} requires --format k8s`);
}

function jobSettings(options: EvalMatrixOptions, args: readonly string[], evalName: string) {
	const { image, name, claim, secret, retries, parallelism, shards, output } = options;
	if (image === undefined)
		throw new AgentvError("usage", "--format k8s requires --image", {
			hint: "The image must contain agentv, a shell, and the evals under its working directory.",
		});
	return {
		...{ shards, args, image },
		name: name ?? `agentv-${evalName}`.slice(0, maxNameLength).replace(/(?<!-)-+$/, ""),
		claim: claim ?? "agentv-results",
		secrets: secret ?? [],
		retries: retries ?? 3,
		parallelism: parallelism ?? shards,
		results: output ?? "/results",
	};
}
