import { AgentvError } from "../base/agentv-error.ts";
import type { SyncOptions, SyncPlan } from "./sync-types.ts";

/**
 * What `sync` would do, with the files, evals, tests and executed things that would change. May fetch objects into a clone's own
 * store; changes no HEAD, file, registry or state.
 * @throws AgentvError `not-found` for an unknown id, `config` for a registry that can't be read, `interrupted`
 */
export async function planSync(_options: SyncOptions): Promise<readonly SyncPlan[]> {
	throw new AgentvError("internal", "the plan is being built");
}
