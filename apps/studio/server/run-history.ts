import { passRate } from "@agentv/core";
import type { RunHistoryAnswer } from "./answers/runs.ts";
import type { CatalogRun } from "./run-catalog.ts";
import type { PassRate, RunTables } from "./run-tables.ts";

type Series = RunHistoryAnswer["series"][number];

/** Limit for the chart; the newest points are kept. */
const mostPoints = 200;
const mostSeries = 100;
const turnMs = 20;

/** Returns pass rates over time by eval and target, oldest first. `runs` are newest first. */
export async function runHistory(runs: readonly CatalogRun[], tables: RunTables): Promise<RunHistoryAnswer> {
	const series = new Map<string, { eval: string; target: string; points: Series["points"][number][] }>();
	let turn = performance.now();
	for (const run of runs) {
		if (performance.now() - turn > turnMs) {
			await new Promise((resolve) => setImmediate(resolve));
			turn = performance.now();
		}
		if (run.problem !== undefined) continue;
		for (const rate of ratesOf(run, tables)) {
			const { eval: label, target, errors } = rate;
			const key = JSON.stringify([label, target]);
			const one = series.get(key) ?? { eval: label, target, points: [] };
			if (!series.has(key) && series.size >= mostSeries) continue;
			series.set(key, one);
			const { mean, lowerBound, n: tests } = passRate(rate);
			if (one.points.length >= mostPoints || mean === null) continue;
			const rates = { pass_rate: mean, pass_rate_lower_bound: lowerBound ?? mean };
			one.points.push({ run: run.id, started_at: run.startedAt, ...rates, tests, errors });
		}
	}
	return { series: [...series.values()].map((one) => ({ ...one, points: one.points.reverse() })) };
}

/** Uses the summary of a run with a single eval and target, without reading its rows. */
function ratesOf({ directory, evals, targets, summary }: CatalogRun, tables: RunTables): readonly PassRate[] {
	const [only] = evals;
	const [target] = targets;
	if (!only || target === undefined || evals.length > 1 || targets.length > 1 || !summary)
		return tables.rates(directory);
	const { passed, failed, errors, errorsByAgent = 0, planned } = summary;
	return [{ eval: only.file, target, passed, failed, errors, errorsByAgent, planned }];
}
