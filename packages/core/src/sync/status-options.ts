import type { Environment } from "../io/environment.ts";

/** How benchmarks are looked at. */
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
