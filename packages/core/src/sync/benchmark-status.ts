import { dirname } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { mapPool } from "../base/pool.ts";
import type { Environment } from "../io/environment.ts";
import { withLock } from "../io/files/lock.ts";
import { GitError } from "../io/git/git-error.ts";
import { type SourceAccess, sourceAccess } from "../model/benchmark-source.ts";
import { type RegistryEntry, readRegistry } from "../model/registry.ts";
import type { BenchmarkReport, BenchmarkReports } from "./benchmark-report.ts";
import { localEdits, type ObserveSettings, observe, type Seen } from "./observe.ts";
import { localReport, problemReport, reportOf } from "./report-benchmark.ts";
import { lockDirectory } from "./state-file.ts";
import { chosenEntries } from "./sync.ts";

export interface StatusOptions {
	readonly env: Environment;
	/** Which benchmarks; default: all. */
	readonly ids?: readonly string[] | undefined;
	/** Compare with what was last seen of the remote, and go nowhere. */
	readonly offline?: boolean | undefined;
	/** Time for each command that talks to a remote. Default 60,000. */
	readonly timeoutMs?: number | undefined;
	/** How many benchmarks at once. Default 4. */
	readonly concurrency?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

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
	if (options.signal?.aborted) throw new AgentvError("interrupted", "looking at the benchmarks was interrupted");
	return { benchmarks, diagnostics: registry.diagnostics };
}

async function statusOf(entry: RegistryEntry, base: string, options: StatusOptions): Promise<BenchmarkReport> {
	const { env, signal } = options;
	if (!entry.source) return localReport(entry, env);
	if (entry.problem !== undefined) return problemReport(entry, entry.problem, env);
	const settings = {
		env,
		signal,
		timeoutMs: options.timeoutMs ?? 60_000,
		offline: options.offline === true,
		files: false,
	};
	try {
		const access = sourceAccess(entry.source, base, env);
		const seen = await look(entry, access, { ...settings, fetch: false });
		const edits = seen.clone ? await localEdits(seen.clone.git, settings, seen.journal) : [];
		return await reportOf(entry, access, seen, edits, env);
	} catch (error) {
		// git that can't read this one directory says nothing about the others.
		if (!(error instanceof AgentvError) || error.code === "internal" || error.code === "interrupted") throw error;
		if (error instanceof GitError && error.reason === "git-missing") throw error;
		return problemReport(entry, error.hint === undefined ? error.message : `${error.message}; ${error.hint}`, env);
	}
}

/** Looks without a lock, and takes it only where the tip has to be fetched; a sync that runs is not waited for. */
async function look(entry: RegistryEntry, access: SourceAccess, settings: ObserveSettings): Promise<Seen> {
	const seen = await observe(entry, access, settings);
	const { clone, remote } = seen.observation;
	if (settings.offline || !clone || "problem" in remote || clone.relation || clone.underWay) return seen;
	let fetched: Seen | undefined;
	try {
		const options = { lockDirectory: lockDirectory(settings.env), waitMs: 0, signal: settings.signal };
		await withLock(
			entry.path,
			async () => {
				fetched = await observe(entry, access, { ...settings, fetch: true });
			},
			options,
		);
	} catch (error) {
		if (!(error instanceof AgentvError) || error instanceof GitError || error.code !== "failed") throw error;
	}
	return fetched ?? seen;
}
