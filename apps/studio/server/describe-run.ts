import {
	type CaseOutcome,
	type RunFile,
	type RunSummary,
	readRunFile,
	redactUrl,
	scoreMean,
	sumCosts,
	type TableRow,
	testsNotRun,
} from "@agentv/core";
import type {
	AttemptEntry,
	RunAnswer,
	RunEntry,
	RunOriginAnswer,
	RunSummaryAnswer,
	RunTestEntry,
	TestErrorAnswer,
	TestResultAnswer,
} from "./answers/runs.ts";
import { describeUsage, judgingOf, judgingOfRun } from "./describe-usage.ts";
import { type CatalogRun, runState } from "./run-catalog.ts";
import { rowId } from "./run-row-id.ts";
import { testStatuses } from "./run-tests-query.ts";
import type { Services } from "./services.ts";

export function describeSummary(summary: RunSummary): RunSummaryAnswer {
	const { planned, passed, failed, errors, durationMs, costUsd, tokenUsage } = summary;
	const { mean, lowerBound, n } = scoreMean(summary);
	return {
		...{ planned, passed, failed, errors, not_run: testsNotRun(summary) },
		...{ mean_score: mean, mean_score_lower_bound: lowerBound, judged: n },
		duration_ms: durationMs,
		...describeUsage({ costUsd: costUsd ?? undefined, tokenUsage: tokenUsage ?? undefined }),
		judging: judgingOfRun(summary),
	};
}

/** Describes a run for a list. */
export function describeRunEntry(run: CatalogRun, { redact, runJobs }: Services): RunEntry {
	return {
		id: run.id,
		experiment: redact(run.experiment),
		started_at: run.startedAt,
		benchmark: run.benchmark,
		evals: run.evals.map(({ name }) => name),
		targets: run.targets.slice(0, 50),
		planned: run.planned,
		state: runState(run),
		summary: run.summary ? describeSummary(run.summary) : null,
		job: runJobs.of(run.directory),
		problem: run.problem === undefined ? null : redact(run.problem),
	};
}

/** Describes a run with its provenance. */
export async function describeRun(run: CatalogRun, services: Services): Promise<RunAnswer> {
	const entry = describeRunEntry(run, services);
	const file = readRunFile(run.directory);
	const eval_id = await evalIdOf(file, services);
	const summary = entry.state === "done" && entry.summary ? entry.summary : soFar(run, services);
	return {
		...entry,
		summary,
		directory: run.directory,
		provenance: { ...provenance(file, services.redact), origin: await originOf(file, services) },
		eval_id,
		resumable: entry.state === "interrupted" && (await allKnown(file, services)),
	};
}

/** Computes the summary of a running or interrupted run from its rows. */
function soFar(run: CatalogRun, { tables }: Services): RunSummaryAnswer {
	const { rows, tally } = tables.table(run.directory);
	const lasted =
		runState(run) === "running"
			? Date.now() - Date.parse(run.startedAt)
			: (run.summary?.durationMs ?? rows.reduce((total, { durationMs }) => total + durationMs, 0));
	return describeSummary(tally.summary(lasted));
}

async function originOf({ origin }: RunFile, { runs, redact }: Services): Promise<RunOriginAnswer | null> {
	if (!origin) return null;
	const { kind, runId, path, graders } = origin;
	const known = (await runs.all()).find(({ directory }) => directory === path);
	return { kind, name: runId, run: known?.id ?? null, graders: graders?.map(redact) ?? null };
}

function provenance(file: RunFile, redact: (text: string) => string): Omit<RunAnswer["provenance"], "origin"> {
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
		opaque: (file.opaque ?? []).slice(0, 100).map(({ what, why }) => ({ what: redact(what), why: redact(why) })),
		repositories: (file.repositories ?? []).map(({ path, repo, sha }) => ({
			path,
			repo: redact(redactUrl(repo)),
			sha,
		})),
	};
}

async function evalIdOf({ evals: [only, ...more] }: RunFile, { evals }: Services): Promise<string | null> {
	if (!only || more.length > 0) return null;
	return (await evals.ofFile(only.path))?.id ?? null;
}

/** Returns whether Studio may read the run's evals and option files; otherwise the run can't be resumed. */
export async function allKnown({ evals: recorded, flags }: RunFile, { evals }: Services): Promise<boolean> {
	for (const { path } of recorded) if (!(await evals.ofFile(path))) return false;
	return [flags["targetsFile"], flags["envFile"]].every(
		(path) => path === undefined || (typeof path === "string" && evals.mayRead(path)),
	);
}

export function describeAttempt(row: TableRow, redact: (text: string) => string): AttemptEntry {
	return {
		id: rowId(row),
		test_id: row.testId,
		eval: row.eval,
		target: row.target,
		attempt: row.attempt,
		status: row.executionStatus,
		score: row.score,
		threshold: row.threshold,
		duration_ms: row.durationMs,
		cost_usd: row.costUsd ?? null,
		error: describeError(row.error, redact),
	};
}

/** Describes a test with all its attempts. */
export function describeTest(outcome: CaseOutcome<TableRow>, redact: (text: string) => string): RunTestEntry {
	const { eval: label, testId, target, attempts } = outcome;
	const [first] = attempts;
	return {
		...{ id: first ? rowId(first) : null, test_id: testId, eval: label, target },
		threshold: first?.threshold ?? null,
		duration_ms: attempts.reduce((sum, { durationMs }) => sum + durationMs, 0),
		cost_usd: sumCosts(attempts).costUsd ?? null,
		judging_cost_usd: judgingOf(attempts)?.cost_usd ?? null,
		error: describeError(attempts.find(({ error }) => error)?.error, redact),
		...describeAttempts(outcome),
	};
}

/** Describes the combined attempts of a test. */
export function describeAttempts({ status, score, repeat, attempts }: CaseOutcome<TableRow>): TestResultAnswer["test"] {
	return {
		status: testStatuses[status],
		score: status === "error" ? null : (score ?? null),
		attempts: attempts.map((row) => ({
			...{ id: rowId(row), attempt: row.attempt, status: row.executionStatus, score: row.score },
		})),
		repeat: { count: repeat.count, strategy: repeat.strategy },
	};
}

function describeError(error: TableRow["error"], redact: (text: string) => string): TestErrorAnswer | null {
	if (!error) return null;
	const { stage, code, message, causedBy } = error;
	return { stage, code, message: redact(message), ...(causedBy ? { caused_by: causedBy } : {}) };
}
