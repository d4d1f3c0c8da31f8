import { type AttemptName, type ResultRow, type RunEvent, type RunPlan, runEvals } from "@agentv/core";
import type { AttemptAnswer, AttemptEntry, RunEventAnswer } from "./answers/runs.ts";
import { describeAttempt, describeSummary } from "./describe-run.ts";
import type { Services } from "./services.ts";

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
