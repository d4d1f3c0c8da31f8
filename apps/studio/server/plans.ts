import { createHash } from "node:crypto";
import {
	AgentvError,
	type AttemptName,
	collectReferences,
	describePlan,
	fileStamp,
	type PlanDescription,
	planRun,
	type ResultRow,
	type RunEvent,
	type RunPlan,
	type RunRequest,
	resolvedTargets,
	runEvals,
	usedTargets,
} from "@agentv/core";
import type { AttemptAnswer, AttemptEntry, RunEventAnswer } from "./answers/runs.ts";
import { describeCommands, describeRepo, describeTargets, type OpenedEval } from "./describe-eval.ts";
import { describeAttempt, describeSummary } from "./describe-run.ts";
import type { Services } from "./problem.ts";

const machineOf = ({ env, cwd, version }: Services["options"]) => ({ env, cwd, version });

/** Returns the eval as seen by a run on these targets. */
export function withTargets(opened: OpenedEval, targets: readonly string[]): OpenedEval {
	if (targets.length === 0) return opened;
	return { ...opened, uses: usedTargets(opened.loaded, opened.targets, targets) };
}

export type RunPlanAnswer = ReturnType<typeof describeRunPlan>["answer"];

/**
 * Describes what a run would execute, read and connect to; the user confirms its digest before the run. `plan` is absent
 * if it can't be run.
 */
export function describeRunPlan(opened: OpenedEval, request: RunRequest, { options }: Services) {
	const { found, loaded, redact } = opened;
	const { plan, cases, access, problems } = tryPlan(request, options);
	const repos = new Map(
		[loaded.suite, ...loaded.tests.map(({ suite }) => suite), ...loaded.tests]
			.flatMap(({ workspace }) => workspace?.repos ?? [])
			.map((repo) => [`${repo.path}\0${repo.repo}`, describeRepo(repo, redact)]),
	);
	const shown = {
		targets: describeTargets(opened),
		commands: describeCommands(opened),
		repos: [...repos.values()],
		/** Variables, hosts, and files outside the eval's root; `new`: not yet consented to. */
		access,
	};
	const answer = {
		/** Tests × targets. */
		tests: cases.length,
		/** With repeats. */
		attempts: cases.reduce((sum, { attempts }) => sum + attempts, 0),
		...shown,
		/** Why it can't be run. */
		problems: problems.map(redact),
		foreign: found.place.foreign,
		digest: planDigest(opened, shown),
	};
	return { answer, plan };
}

function tryPlan(request: RunRequest, options: Services["options"]) {
	try {
		const plan = planRun(request, machineOf(options));
		const { cases, access } = describePlan(plan);
		return { plan, cases, access: accessList(access), problems: [] };
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code === "internal") throw error;
		const problems = error.diagnostics.slice(0, 50).map(({ message }) => message);
		return { plan: undefined, cases: [], access: [], problems: problems.length > 0 ? problems : [error.message] };
	}
}

function accessList({ variables, hosts, files }: PlanDescription["access"]) {
	return [
		...variables.map(({ name, isNew }) => ({ kind: "variable" as const, name, new: isNew })),
		...hosts.map(({ name, isNew }) => ({ kind: "host" as const, name, new: isNew })),
		...files.map(({ name, isNew }) => ({ kind: "file" as const, name, new: isNew })),
	];
}

/** Returns a digest of what would be executed and of all files involved. */
function planDigest({ loaded, uses, view, found, env }: OpenedEval, shown: unknown): string {
	const { files } = collectReferences(loaded, resolvedTargets(uses), view);
	const resolved = uses.map(({ choice, resolution }) => [choice.name, resolution.ok && resolution.target.wire]);
	const paths = [found.file, ...loaded.sources.keys(), ...files.map((reference) => reference.resolved)];
	const stamps = [...new Set(paths)].sort().map((path) => [path, fileStamp(path)]);
	const values = loaded.variables.map(({ name }) => [name, env[name]]);
	return createHash("sha256")
		.update(JSON.stringify([shown, resolved, stamps, values]))
		.digest("hex");
}

/** Plans a run. @throws AgentvError if it can't be run */
export function planFor(request: RunRequest, { options }: Services): RunPlan {
	return planRun(request, machineOf(options));
}

/** Runs a plan and yields its events. `jobId` is the job that runs it. */
export async function* followRun(
	plan: RunPlan,
	services: Services,
	options: { readonly signal: AbortSignal; readonly resume?: string; readonly rerunChanged?: boolean },
	jobId: () => string,
): AsyncGenerator<RunEventAnswer> {
	const { env, cwd, version } = services.options;
	const { signal, resume, rerunChanged = false } = options;
	const resumeOptions = resume === undefined ? {} : { output: resume, resume: true, rerunChanged };
	let run = "";
	for await (const event of runEvals(plan, { env, cwd, version }, { signal, ...resumeOptions })) {
		if (event.type === "started") {
			run = (await services.runs.inDirectory(event.runDir))?.id ?? "";
			services.runJobs.began(event.runDir, jobId());
		}
		const answer = eventAnswer(event, run, services.redact);
		if (answer) yield answer;
	}
	services.runs.forget();
}

function eventAnswer(event: RunEvent, run: string, redact: (text: string) => string): RunEventAnswer | undefined {
	switch (event.type) {
		case "started":
			return {
				type: "started",
				run,
				planned: event.planned,
				already_done: event.alreadyDone,
				experiment: event.experiment,
			};
		case "attempt-started":
			return { type: "attempt_started", ...attempt(event) };
		case "retry":
			return { type: "retry", message: redact(event.message), wait_ms: event.waitMs, ...attempt(event) };
		case "attempt-finished":
			return { type: "attempt_finished", index: event.index, row: rowAnswer(event.row, redact) };
		case "case-finished":
			return {
				type: "case_finished",
				index: event.index,
				test_id: event.testId,
				target: event.target,
				status: event.result.status,
				score: event.result.score ?? null,
			};
		case "warning":
			return { type: "warning", message: redact(event.message) };
		case "stopping":
			return { type: "stopping", reason: event.reason };
		case "done": {
			const { outcome, summary } = event;
			const interrupted = outcome === "interrupted";
			return { type: "outcome", run, outcome, interrupted, summary: describeSummary(summary) };
		}
		case "repositories":
			return undefined;
	}
}

function attempt({ index, eval: label, testId, target, attempt: number }: AttemptName): AttemptAnswer {
	return { index, eval: label, test_id: testId, target, attempt: number };
}

function rowAnswer(row: ResultRow, redact: (text: string) => string): AttemptEntry {
	return describeAttempt({ ...row, file: row.file }, redact);
}
