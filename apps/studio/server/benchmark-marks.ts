import { AgentvError, benchmarkStatus, targetKind } from "@agentv/core";
import type { BenchmarkMarks } from "./answers/benchmarks.ts";
import { describeMarks } from "./describe-benchmark.ts";
import { placeOf } from "./places.ts";
import type { Services } from "./services.ts";

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
