import type { LastResultAnswer } from "./answers/evals.ts";
import type { CatalogRun } from "./run-catalog.ts";
import type { RunTables } from "./run-tables.ts";

/**
 * Returns, by eval file (absolute path), the latest run with a summary, and the counts of that eval's tests. `runs` are
 * newest first.
 */
export function lastResults(
	runs: readonly CatalogRun[],
	tables: Pick<RunTables, "rates">,
): ReadonlyMap<string, LastResultAnswer> {
	const last = new Map<string, LastResultAnswer>();
	for (const run of runs) {
		if (!run.summary) continue;
		for (const { path, file } of run.evals)
			if (!last.has(path)) last.set(path, { run: run.id, started_at: run.startedAt, ...countsOf(run, file, tables) });
	}
	return last;
}

/** Uses the summary of a run with a single eval, without reading its rows. */
function countsOf({ directory, evals, summary }: CatalogRun, file: string, tables: Pick<RunTables, "rates">) {
	const counts = { passed: 0, failed: 0, errors: 0, planned: 0 };
	const rates =
		evals.length === 1 && summary ? [summary] : tables.rates(directory).filter((rate) => rate.eval === file);
	for (const { passed, failed, errors, planned } of rates) {
		counts.passed += passed;
		counts.failed += failed;
		counts.errors += errors;
		counts.planned += planned;
	}
	return counts;
}
