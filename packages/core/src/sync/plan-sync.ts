import { dirname } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { mapPool } from "../base/pool.ts";
import { withLock } from "../io/files/lock.ts";
import { sourceAccess } from "../model/benchmark-source.ts";
import { type RegistryEntry, readRegistry } from "../model/registry.ts";
import { describeChanges } from "./changes.ts";
import { chosenEntries } from "./chosen-entries.ts";
import { remoteProblem } from "./look-remote.ts";
import { makePlan, sentence } from "./make-plan.ts";
import { observe } from "./observe.ts";
import { lockDirectory } from "./state-file.ts";
import { requireGitFor } from "./sync.ts";
import { defaultTimeoutMs } from "./sync-one.ts";
import type { SyncOptions, SyncPlan } from "./sync-types.ts";
import { fetchFiles } from "./update-clone.ts";

/**
 * Returns what `sync` would do, with the files, evals, tests and executed programs that would
 * change. Can fetch objects into a clone's own store; changes no HEAD, file, registry or state.
 * @throws AgentvError `not-found` for an unknown id, `config` for an unreadable registry,
 * `interrupted`
 */
export async function planSync(options: SyncOptions): Promise<readonly SyncPlan[]> {
	const registry = readRegistry(options.env);
	const isNamed = options.ids !== undefined && options.ids.length > 0;
	const entries = chosenEntries(registry, options.ids);
	await requireGitFor(entries, options.env, dirname(registry.file));
	return mapPool(entries, { concurrency: options.concurrency ?? 3 }, (entry) =>
		planOne(entry, { ...options, base: dirname(registry.file), isNamed }),
	);
}

interface PlanOneOptions extends SyncOptions {
	readonly base: string;
	readonly isNamed: boolean;
}

async function planOne(entry: RegistryEntry, options: PlanOneOptions): Promise<SyncPlan> {
	const simple = (action: SyncPlan["action"], message: string): SyncPlan => {
		return { id: entry.id, action, from: null, to: null, message, changes: null };
	};
	if (!entry.source) return simple(options.isNamed ? "refuse" : "skip", "local benchmark, used in place");
	if (entry.problem !== undefined) return simple("refuse", entry.problem);
	const waitMs = options.waitMs ?? options.timeoutMs ?? defaultTimeoutMs;
	try {
		// The lock keeps our fetch from interfering with a running sync.
		const { signal } = options;
		return await withLock(entry.path, () => planLocked(entry, options), {
			...{ lockDirectory: lockDirectory(options.env), waitMs, signal },
		});
	} catch (error) {
		if (options.signal?.aborted) throw new AgentvError("interrupted", "the preview was interrupted");
		if (!(error instanceof AgentvError) || error.code === "internal") throw error;
		return simple("refuse", sentence(error.message, error.hint));
	}
}

async function planLocked(entry: RegistryEntry, options: PlanOneOptions): Promise<SyncPlan> {
	const { env, signal } = options;
	if (!entry.source) throw new AgentvError("internal", "a local benchmark has no plan");
	const access = sourceAccess(entry.source, options.base, env);
	const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
	const settings = { env, signal, timeoutMs, url: access.url, credentials: access.credentials };
	const seen = await observe(entry, access, { ...settings, fetch: true, files: true });
	const { observation, clone } = seen;
	const decision = makePlan(observation, { reset: options.reset === true });
	const plan = { id: entry.id, ...decision, changes: null };
	const noted = seen.journal ? { ...plan, message: `${plan.message}; first, an interrupted sync is recovered` } : plan;
	const { wanted } = "wanted" in observation.remote ? observation.remote : { wanted: undefined };
	const moves = decision.action === "update" || decision.action === "move" || decision.action === "adopt";
	if (!moves || !clone || !wanted) return noted;
	try {
		await fetchFiles(clone, wanted, settings);
	} catch (error) {
		const { message, hint } = remoteProblem(error);
		return { ...noted, action: "refuse", message: sentence(message, hint) };
	}
	return { ...noted, changes: await describeChanges(seen, env) };
}
