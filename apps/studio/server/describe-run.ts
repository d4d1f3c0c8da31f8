import { type RunFile, type RunSummary, readRunFile, type TableRow } from "@agentv/core";
import type { RunAnswer, RunEntry, RunSummaryAnswer, RunTestEntry } from "./answers/runs.ts";
import { rowsSummary } from "./rows-summary.ts";
import { type CatalogRun, runState } from "./run-catalog.ts";
import { rowId } from "./run-row-id.ts";
import type { Services } from "./services.ts";

export function describeSummary(summary: RunSummary): RunSummaryAnswer {
	const { planned, passed, failed, errors, meanScore, durationMs, costUsd, tokenUsage } = summary;
	return {
		planned,
		passed,
		failed,
		errors,
		mean_score: meanScore,
		duration_ms: durationMs,
		cost_usd: costUsd,
		tokens: tokenUsage && { input: tokenUsage.input, output: tokenUsage.output },
	};
}

/** A run in a list. */
export function describeRunEntry(run: CatalogRun, { hide, runJobs }: Services): RunEntry {
	return {
		id: run.id,
		experiment: hide(run.experiment),
		started_at: run.startedAt,
		benchmark: run.benchmark,
		evals: run.evals.map(({ name }) => name),
		targets: run.targets.slice(0, 50),
		planned: run.planned,
		state: runState(run),
		summary: run.summary ? describeSummary(run.summary) : null,
		job: runJobs.of(run.directory),
		problem: run.problem === undefined ? null : hide(run.problem),
	};
}

/** One run with its provenance. */
export async function describeRun(run: CatalogRun, services: Services): Promise<RunAnswer> {
	const entry = describeRunEntry(run, services);
	const file = readRunFile(run.directory);
	const eval_id = await evalIdOf(file, services);
	const summary = entry.state === "done" && entry.summary ? entry.summary : soFar(run, services);
	return {
		...entry,
		summary,
		directory: run.directory,
		provenance: provenance(file, services.hide),
		eval_id,
		resumable: entry.state === "interrupted" && (await allKnown(file, services)),
	};
}

/** The summary of a run that is not done: what its rows say by now. */
function soFar(run: CatalogRun, { tables }: Services): RunSummaryAnswer {
	const rows = tables.rows(run.directory);
	const lasted =
		runState(run) === "running"
			? Date.now() - Date.parse(run.startedAt)
			: rows.reduce((total, { durationMs }) => total + durationMs, 0);
	return rowsSummary(rows, run.planned, lasted);
}

function provenance(file: RunFile, hide: (text: string) => string): RunAnswer["provenance"] {
	const { git, benchmark, bundle } = file;
	return {
		agentv_version: file.agentvVersion,
		node_version: file.nodeVersion,
		commit: git?.commit ?? null,
		branch: git?.branch ?? null,
		dirty: git?.dirty ?? null,
		benchmark: benchmark ? { id: benchmark.id, revision: benchmark.revision ?? null } : null,
		bundle: bundle ?? null,
		evals: file.evals.map(({ file: label, name, digest }) => ({ file: label, name, digest })),
		targets: file.targets.map(({ name, provider, via, facts }) => ({ name, provider, via, facts: facts ?? {} })),
		repositories: (file.repositories ?? []).map(({ path, repo, sha }) => ({
			path,
			repo: hide(withoutUser(repo)),
			sha,
		})),
	};
}

function withoutUser(repo: string): string {
	return repo.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, "$1");
}

async function evalIdOf({ evals: [only, ...more] }: RunFile, { evals }: Services): Promise<string | null> {
	if (!only || more.length > 0) return null;
	return (await evals.ofFile(only.path))?.id ?? null;
}

/** Whether Studio may read the evals of a run: a record that names others is not taken up again. */
export async function allKnown(file: RunFile, { evals }: Services): Promise<boolean> {
	for (const { path } of file.evals) if (!(await evals.ofFile(path))) return false;
	return true;
}

/** A row of a run's table. */
export function describeRow(row: TableRow, hide: (text: string) => string): RunTestEntry {
	const { error } = row;
	return {
		id: rowId(row),
		test_id: row.testId,
		eval: row.eval,
		target: row.target,
		attempt: row.attempt,
		status: row.status,
		score: row.score,
		threshold: row.threshold,
		duration_ms: row.durationMs,
		cost_usd: row.costUsd ?? null,
		error: error ? { ...error, message: hide(error.message) } : null,
	};
}
