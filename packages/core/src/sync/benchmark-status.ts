import { dirname } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { mapPool } from "../base/pool.ts";
import { type RegistryEntry, readRegistry } from "../model/registry.ts";
import type { BenchmarkReport, BenchmarkReports } from "./benchmark-report.ts";
import { chosenEntries } from "./chosen-entries.ts";
import { localReport, problemReport } from "./report-benchmark.ts";
import type { StatusOptions } from "./status-options.ts";

/**
 * Every registered benchmark and how it stands on disk; never goes online.
 * @throws AgentvError `config` for a registry that can't be read
 */
export async function listBenchmarks(options: Pick<StatusOptions, "env" | "signal">): Promise<BenchmarkReports> {
	return benchmarkStatus({ ...options, offline: true });
}

/**
 * How benchmarks stand to their remotes. An unknown tip is fetched into `refs/agentv/remote`; nothing else is touched.
 * @throws AgentvError `not-found` for an unknown id, `config` for a registry that can't be read, `interrupted`
 */
export async function benchmarkStatus(options: StatusOptions): Promise<BenchmarkReports> {
	const registry = readRegistry(options.env);
	const entries = chosenEntries(registry, options.ids);
	const base = dirname(registry.file);
	const benchmarks = await mapPool(entries, { concurrency: options.concurrency ?? 4 }, (entry) =>
		statusOf(entry, base, options),
	);
	if (options.signal?.aborted) throw new AgentvError("interrupted", "reading the benchmarks was interrupted");
	return { benchmarks, diagnostics: registry.diagnostics };
}

async function statusOf(entry: RegistryEntry, base: string, options: StatusOptions): Promise<BenchmarkReport> {
	if (!entry.source) return localReport(entry, options.env);
	if (entry.problem !== undefined && !entry.hasUsablePath) return problemReport(entry, entry.problem, options.env);
	// What speaks to git is loaded only where there is a repository to look at: a list of local benchmarks starts at once.
	const { problemStatus, sourceStatus } = await import("./source-status.ts");
	if (entry.problem !== undefined) return problemStatus(entry, entry.problem, options);
	return sourceStatus(entry, base, options);
}
