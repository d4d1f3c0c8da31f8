import type { Environment } from "../io/environment.ts";

export interface StatusOptions {
	readonly env: Environment;
	/** Default: all. */
	readonly ids?: readonly string[] | undefined;
	/** Compare with the last known state of the remote, offline. */
	readonly offline?: boolean | undefined;
	/** Per remote command. Default 60,000. */
	readonly timeoutMs?: number | undefined;
	/** Concurrent benchmarks. Default 4. */
	readonly concurrency?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}
