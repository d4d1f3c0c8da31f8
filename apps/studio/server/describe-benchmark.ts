import {
	AgentvError,
	type BenchmarkReport,
	benchmarkStatus,
	type RegistryEntry,
	readLastSync,
	redactUrl,
	type SyncChanges,
	type SyncEvent,
	type SyncPlan,
	type SyncResult,
	targetKind,
} from "@agentv/core";
import type {
	BenchmarkAnswer,
	BenchmarkMarks,
	ChangesAnswer,
	SyncEventAnswer,
	SyncPlanAnswer,
	SyncResultAnswer,
} from "./answers/benchmarks.ts";
import { placeOf } from "./find-eval.ts";
import type { Services } from "./problem.ts";

const mostFiles = 100;
const mostChanges = 500;

/** Describes a registry entry from its state files, without calling git. */
export function describeBenchmark(entry: RegistryEntry, { options, jobs }: Services): BenchmarkAnswer {
	const { id, name, path, source, problem } = entry;
	const last = readLastSync(id, options.env);
	return {
		id,
		name,
		path,
		source: source ? { url: redactUrl(source.url), ref: source.ref ?? null } : null,
		problem: problem ?? null,
		last_sync: last && {
			status: last.status,
			started_at: last.startedAt,
			finished_at: last.finishedAt,
			from: last.from,
			to: last.to,
			message: last.message,
		},
		job: jobs.running("sync", id)?.id ?? null,
	};
}

function describeMarks({ id, revision, workTree, message }: BenchmarkReport, evals: number): BenchmarkMarks {
	const { state, wantedRef, wantedSha, sha, subject, committedAt, reason } = revision;
	return {
		id,
		revision: { state, wanted_ref: wantedRef, wanted_sha: wantedSha, sha, subject, committed_at: committedAt, reason },
		work_tree: { state: workTree.state, files: workTree.files.slice(0, mostFiles), total: workTree.files.length },
		evals,
		message,
	};
}

export function describePlan({ id, action, from, to, message, changes }: SyncPlan): SyncPlanAnswer {
	return { id, action, from, to, message, changes: changes && describeChanges(changes) };
}

function describeResult({ id, outcome, from, to, message, edits, changes }: SyncResult): SyncResultAnswer {
	const listed = edits.slice(0, mostFiles);
	return { id, outcome, from, to, message, edits: listed, changes: changes && describeChanges(changes) };
}

function describeChanges({ commits, added, changed, removed, evals, executes }: SyncChanges): ChangesAnswer {
	return {
		commits,
		added: added.slice(0, mostChanges),
		changed: changed.slice(0, mostChanges),
		removed: removed.slice(0, mostChanges),
		totals: { added: added.length, changed: changed.length, removed: removed.length },
		evals: evals.slice(0, mostChanges),
		executes: executes.slice(0, mostChanges),
	};
}

/** Converts the events of a sync and drops repeated progress. */
export async function* describeSync(events: AsyncIterable<SyncEvent>): AsyncGenerator<SyncEventAnswer> {
	const last = new Map<string, string>();
	for await (const event of events) {
		if (event.type === "progress") {
			const step = `${event.phase} ${Math.floor(event.percent)}`;
			if (last.get(event.id) !== step) yield event;
			last.set(event.id, step);
		} else if (event.type === "planned") yield { ...event, plan: describePlan(event.plan) };
		else if (event.type === "finished") yield { ...event, result: describeResult(event.result) };
		else if (event.type === "outcome") yield { ...event, results: event.results.map(describeResult) };
		else yield event;
	}
}

/** Number of benchmarks to check concurrently. */
const batch = 6;

/**
 * Yields the status of benchmarks in batches, in the registry's order.
 * @param ids default: all
 * @param offline whether to skip contacting remotes
 */
export async function* readBenchmarkMarks(
	ids: readonly string[],
	offline: boolean,
	services: Services,
	signal: AbortSignal,
): AsyncGenerator<BenchmarkMarks> {
	const { env } = services.options;
	const known = services.registry.read().entries.map(({ id }) => id);
	const wanted = ids.length > 0 ? known.filter((id) => ids.includes(id)) : known;
	for (let first = 0; first < wanted.length; first += batch) {
		const some = wanted.slice(first, first + batch);
		const { benchmarks } = await benchmarkStatus({ env, ids: some, offline, signal });
		for (const report of benchmarks) yield describeMarks(report, await countEvals(report.id, report.path, services));
	}
}

async function countEvals(id: string, path: string, services: Services): Promise<number> {
	if (targetKind(path) !== "directory") return 0;
	try {
		return (await services.evals.list(placeOf(id, services))).evals.length;
	} catch (error) {
		// Removed or changed in the meantime.
		if (error instanceof AgentvError) return 0;
		throw error;
	}
}
