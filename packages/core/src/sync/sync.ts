import { AgentvError } from "../base/agentv-error.ts";
import type { SyncEvent, SyncOptions } from "./sync-types.ts";

/**
 * Brings benchmarks up to date; several at once, one failing stops none of the others. Yields events as they happen and ends with
 * one `outcome`, also when interrupted.
 * @throws AgentvError `not-found` for an unknown id, `config` for a registry that can't be read: before the first event
 */
// biome-ignore lint/correctness/useYield: being built
export async function* sync(_options: SyncOptions): AsyncGenerator<SyncEvent, void> {
	throw new AgentvError("internal", "sync is being built");
}
