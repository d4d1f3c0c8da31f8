import type { RunEventAnswer } from "../../server/answers/runs.ts";
import { ApiError } from "./api.ts";
import { followJob } from "./use-job.ts";

/** The id of the run that `job` writes, once it has begun. Throws `ApiError` where it fails before that. */
export function startedRun(job: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const stop = followJob<RunEventAnswer>(job, (events, ended) => {
			const started = events.find((event) => event.type === "started");
			if (started) {
				stop();
				resolve(started.run);
			} else if (ended) reject(new ApiError(0, ended.error ?? { code: "cancelled", message: "the run was cancelled" }));
		});
	});
}

/** What a run's events say beyond what is on disk. */
export interface LiveRun {
	/** Tests that run now: their position in the plan, and their words. */
	readonly now: ReadonlyMap<number, string>;
	readonly warnings: readonly string[];
	readonly stopping: boolean;
}

export const notLive: LiveRun = { now: new Map(), warnings: [], stopping: false };

export function followLive(live: LiveRun, event: RunEventAnswer): LiveRun {
	switch (event.type) {
		case "attempt_started":
			return { ...live, now: new Map(live.now).set(event.index, `${event.test_id} (${event.target})`) };
		case "case_finished": {
			const now = new Map(live.now);
			now.delete(event.index);
			return { ...live, now };
		}
		case "warning":
			return { ...live, warnings: [...live.warnings, event.message].slice(-5) };
		case "stopping":
			return { ...live, stopping: true };
		default:
			return live;
	}
}
