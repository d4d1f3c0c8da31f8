import { dirname } from "node:path";
import { iteratePool } from "../base/pool.ts";
import type { Environment } from "../io/environment.ts";
import { gitNotStarted } from "../io/git/git-error.ts";
import { findExecutable } from "../io/process/find-executable.ts";
import { type Registry, type RegistryEntry, readRegistry } from "../model/registry.ts";
import { chosenEntries } from "./chosen-entries.ts";
import { syncOne } from "./sync-one.ts";
import type { SyncEvent, SyncOptions, SyncResult } from "./sync-types.ts";

/** How many benchmarks are synced at once: more are slower on small machines. */
const defaultConcurrency = 3;

/**
 * Brings benchmarks up to date; several at once, one failing stops none of the others. Yields events as they happen and ends with
 * one `outcome`, also when interrupted.
 * @throws AgentvError `not-found` for an unknown id, `config` for a registry that can't be read or a missing git: before the
 * first event
 */
export async function* sync(options: SyncOptions): AsyncGenerator<SyncEvent, void> {
	const registry = readRegistry(options.env);
	const entries = chosenEntries(registry, options.ids);
	requireGit(entries, options.env, dirname(registry.file));
	const events = new EventQueue();
	const abandoned = new AbortController();
	const signal = AbortSignal.any([abandoned.signal, ...(options.signal ? [options.signal] : [])]);
	const all = syncAll(entries, registry, { ...options, signal }, events).finally(() => events.close());
	try {
		yield* events.contents();
		yield { type: "outcome", results: await all, interrupted: options.signal?.aborted === true };
	} finally {
		// Whoever leaves the loop early wants no sync to go on behind his back.
		abandoned.abort();
		await all.catch(() => undefined);
	}
}

/** Without git no entry that has a source can be synced: said once, not for each. @throws AgentvError `config` */
export function requireGit(entries: readonly RegistryEntry[], env: Environment, directory: string): void {
	if (entries.some(({ source }) => source) && findExecutable("git", env, directory) === undefined)
		throw gitNotStarted([], "ENOENT", "");
}

async function syncAll(
	entries: readonly RegistryEntry[],
	registry: Registry,
	options: SyncOptions,
	events: EventQueue,
): Promise<SyncResult[]> {
	const isNamed = options.ids !== undefined && options.ids.length > 0;
	const emit = (event: SyncEvent) => events.put(event);
	const results: SyncResult[] = [];
	const work = async (entry: RegistryEntry) => {
		const done = await syncOne(entry, { ...options, base: dirname(registry.file), isNamed, emit });
		emit({ type: "finished", id: entry.id, result: done });
		return done;
	};
	const concurrency = options.concurrency ?? defaultConcurrency;
	for await (const { index, result } of iteratePool(entries, { concurrency }, work)) results[index] = result;
	return results;
}

/** Hands events from those who sync to the one who listens. */
class EventQueue {
	readonly #events: SyncEvent[] = [];
	#isClosed = false;
	#wake: (() => void) | undefined;

	put(event: SyncEvent): void {
		this.#events.push(event);
		this.#wake?.();
	}

	close(): void {
		this.#isClosed = true;
		this.#wake?.();
	}

	async *contents(): AsyncGenerator<SyncEvent, void> {
		for (;;) {
			const event = this.#events.shift();
			if (event) yield event;
			else if (this.#isClosed) return;
			else
				await new Promise<void>((resolve) => {
					this.#wake = resolve;
				});
		}
	}
}
