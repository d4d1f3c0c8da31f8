import { type RegistryEntry, readRegistry } from "../eval/registry.ts";
import { AgentvError } from "../lib/errors.ts";
import { mapPool } from "../lib/pool.ts";
import {
	type BenchmarkReport,
	type BenchmarkReports,
	chosenEntries,
	localReport,
	problemReport,
} from "./benchmark-report.ts";
import type { StatusOptions } from "./make-plan.ts";

/**
 * Reports every benchmark's state on disk; offline.
 * @throws AgentvError `config` for an unreadable registry
 */
export async function listBenchmarks(options: Pick<StatusOptions, "env" | "signal">): Promise<BenchmarkReports> {
	return benchmarkStatus({ ...options, offline: true });
}

/**
 * Compares benchmarks with their remotes. Only fetches an unknown tip into `refs/agentv/remote`.
 * @throws AgentvError `not-found` for an unknown id, `config` for an unreadable registry,
 * `interrupted`
 */
export async function benchmarkStatus(options: StatusOptions): Promise<BenchmarkReports> {
	const registry = readRegistry(options.env);
	const entries = chosenEntries(registry, options.ids);
	const benchmarks = await mapPool(entries, { concurrency: options.concurrency ?? 4 }, (entry) =>
		statusOf(entry, options),
	);
	if (options.signal?.aborted) throw new AgentvError("interrupted", "reading the benchmarks was interrupted");
	return { benchmarks, diagnostics: registry.diagnostics };
}

async function statusOf(entry: RegistryEntry, options: StatusOptions): Promise<BenchmarkReport> {
	const { source, access, problem = "its source has a problem", hasUsablePath } = entry;
	if (!source) return localReport(entry, options.env);
	if (!hasUsablePath) return problemReport(entry, problem, options.env);
	// Git access is only loaded if there is a repository, so that a list of local benchmarks is fast.
	const { problemStatus, sourceStatus } = await import("./source-status.ts");
	return access ? sourceStatus(entry, access, options) : problemStatus(entry, problem, options);
}
