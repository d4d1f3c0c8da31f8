import { ApiError } from "./api.ts";
import { followJob } from "./use-job.ts";

/** What a run job says first: which run it writes. */
interface RunStarted {
	readonly type: "started";
	readonly run: string;
}

/** The id of the run that `job` writes, once it has begun. Throws `ApiError` where it fails before that. */
export function startedRun(job: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const stop = followJob<RunStarted | { readonly type: "other" }>(job, (events, ended) => {
			const started = events.find((event) => event.type === "started");
			if (started && "run" in started) {
				stop();
				resolve(started.run);
			} else if (ended) reject(new ApiError(0, ended.error ?? { code: "cancelled", message: "the run was cancelled" }));
		});
	});
}
