import { type AttemptName, type RunEvent, type RunPlan, runEvals, toWireSummary } from "@agentv/core";
import type { Services } from "./problem.ts";
import { runId } from "./run-responses.ts";

export async function* followRun(
	plan: RunPlan,
	{ options: { env, cwd, version }, runs, runJobs }: Services,
	options: { readonly signal: AbortSignal; readonly resume?: string; readonly rerunChanged?: boolean },
	jobId: () => string,
): AsyncGenerator<RunJobEvent> {
	const { signal, resume, rerunChanged = false } = options;
	const resumeOptions = resume === undefined ? {} : { output: resume, resume: true, rerunChanged };
	let run = "";
	for await (const event of runEvals(plan, { env, cwd, version }, { signal, ...resumeOptions })) {
		if (event.type === "started") {
			const head = await runs.find(({ directory }) => directory === event.runDir);
			run = head ? runId(head) : "";
			runJobs.began(event.runDir, jobId());
		}
		const shown = jobEvent(event, run);
		if (shown) yield shown;
	}
	runs.forget();
}

export type RunJobEvent = NonNullable<ReturnType<typeof jobEvent>>;

function jobEvent(event: RunEvent, run: string) {
	switch (event.type) {
		case "started": {
			const { planned, alreadyDone, experiment } = event;
			return { type: "started", run, planned, already_done: alreadyDone, experiment } as const;
		}
		case "attempt-started":
			return { type: "attempt_started", ...nameOf(event) } as const;
		case "retry":
			return { type: "retry", message: event.message, wait_ms: event.waitMs, ...nameOf(event) } as const;
		case "attempt-finished": {
			const { executionStatus, score } = event.row;
			return { type: "attempt_finished", ...nameOf(event), execution_status: executionStatus, score } as const;
		}
		case "case-finished": {
			const { index, testId, target, result } = event;
			const { status, score = null } = result;
			return { type: "case_finished", index, test_id: testId, target, status, score } as const;
		}
		case "warning":
		case "stopping":
			return event;
		case "done": {
			const { outcome, summary } = event;
			const interrupted = outcome === "interrupted";
			return { type: "outcome", run, outcome, interrupted, summary: toWireSummary(summary) } as const;
		}
		case "repositories":
			return undefined;
	}
}

function nameOf({ index, eval: label, testId, target, attempt }: AttemptName) {
	return { index, eval: label, test_id: testId, target, attempt };
}
