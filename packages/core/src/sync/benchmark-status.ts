import { AgentvError } from "../base/agentv-error.ts";
import type { Environment } from "../io/environment.ts";
import type { BenchmarkReports } from "./benchmark-report.ts";

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
export async function benchmarkStatus(_options: StatusOptions): Promise<BenchmarkReports> {
	throw new AgentvError("internal", "status is being built");
}
