import {
	AgentvError,
	type BenchmarkReport,
	benchmarkStatus,
	type RegistryEntry,
	readLastSync,
	recordToWire,
	redactUrl,
	type SyncEvent,
	targetKind,
	type Wire,
} from "@agentv/core";
import { placeOf } from "./find-eval.ts";
import type { Services } from "./problem.ts";

export type BenchmarkAnswer = ReturnType<typeof describeBenchmark>;

/** Reads state files only, without calling git. */
export function describeBenchmark(entry: RegistryEntry, { options, jobs }: Services) {
	const { id, name, path, source, problem } = entry;
	return {
		id,
		name,
		path,
		/** Null for a local directory, which can't be synced. */
		source: source ? { url: redactUrl(source.url), ref: source.ref ?? null } : null,
		/** In one sentence; null if it can be used. */
		problem: problem ?? null,
		last_sync: recordToWire(readLastSync(id, options.env)),
		job: jobs.running("sync", id)?.id ?? null,
	};
}

const maxListed = 1000;

export function cutLists<Value>(value: Value): Value {
	if (Array.isArray(value)) return value.slice(0, maxListed).map(cutLists) as Value;
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, cutLists(part)])) as Value;
}

/** Omits repeated progress. */
export async function* syncEvents(events: AsyncIterable<SyncEvent>): AsyncGenerator<SyncEvent> {
	const last = new Map<string, string>();
	for await (const event of events) {
		if (event.type === "progress") {
			const step = `${event.phase} ${Math.floor(event.percent)}`;
			if (last.get(event.id) === step) continue;
			last.set(event.id, step);
		}
		yield cutLists(event);
	}
}

export type BenchmarkMarks = Wire<BenchmarkReport> & { readonly evals: number };

export type BenchmarkMarkEvent = { readonly type: "marks"; readonly marks: BenchmarkMarks } | { readonly type: "end" };

const batch = 6;

/**
 * Yields batches in the registry's order.
 * @param ids default: all
 */
export async function* readBenchmarkMarks(
	ids: readonly string[],
	offline: boolean,
	services: Services,
	signal: AbortSignal,
): AsyncGenerator<BenchmarkMarkEvent> {
	const { env } = services.options;
	const known = services.registry.read().entries.map(({ id }) => id);
	const wanted = ids.length > 0 ? known.filter((id) => ids.includes(id)) : known;
	for (let first = 0; first < wanted.length; first += batch) {
		const some = wanted.slice(first, first + batch);
		const { benchmarks } = await benchmarkStatus({ env, ids: some, offline, signal });
		for (const report of benchmarks)
			yield { type: "marks", marks: { ...recordToWire(report), evals: await countEvals(report, services) } };
	}
}

async function countEvals({ id, path }: BenchmarkReport, services: Services): Promise<number> {
	if (targetKind(path) !== "directory") return 0;
	try {
		return (await services.evals.list(placeOf(id, services))).evals.length;
	} catch (error) {
		// Removed or changed in the meantime.
		if (error instanceof AgentvError) return 0;
		throw error;
	}
}
