import type { LastResultAnswer } from "./answers/evals.ts";
import type { CatalogRun } from "./run-catalog.ts";

/** The latest run of each eval file (absolute path) that has a summary. `runs` are newest first. */
export function lastResults(runs: readonly CatalogRun[]): ReadonlyMap<string, LastResultAnswer> {
	const last = new Map<string, LastResultAnswer>();
	for (const { id, startedAt, evals, summary } of runs) {
		if (!summary) continue;
		const { planned, passed, failed, errors } = summary;
		for (const { path } of evals)
			if (!last.has(path)) last.set(path, { run: id, started_at: startedAt, passed, failed, errors, planned });
	}
	return last;
}
