import { dirname } from "node:path";
import { iteratePool } from "../base/pool.ts";
import type { Environment } from "../io/environment.ts";
import { isInside } from "../io/files/path-inside.ts";
import { sweepStaged } from "../io/files/staged-files.ts";
import { systemTempDir } from "../io/files/temp-dir.ts";
import { requireGit } from "../io/git/require-git.ts";
import { type Registry, type RegistryEntry, readRegistry } from "../model/registry.ts";
import { chosenEntries } from "./chosen-entries.ts";
import { syncOne } from "./sync-one.ts";
import type { SyncEvent, SyncOptions, SyncResult } from "./sync-types.ts";

/** More concurrent syncs are slower on small machines. */
const defaultConcurrency = 3;

/**
 * Updates benchmarks concurrently; a failure stops none of the others. Yields events and ends with
 * one `outcome` each, also when interrupted.
 * @throws AgentvError `not-found` for an unknown id, `config` for an unreadable registry or a
 * missing or old git: before the first event
 */
export async function* sync(options: SyncOptions): AsyncGenerator<SyncEvent, void> {
	const registry = readRegistry(options.env);
	const entries = chosenEntries(registry, options.ids);
	await requireGitFor(entries, options.env, dirname(registry.file));
	for (const place of [systemTempDir(), dirname(registry.file)]) await sweepStaged(place);
	const events = new EventQueue();
	const abandoned = new AbortController();
	const signal = AbortSignal.any([abandoned.signal, ...(options.signal ? [options.signal] : [])]);
	const all = syncAll(entries, registry, { ...options, signal }, events).finally(() => events.close());
	try {
		yield* events.contents();
		yield { type: "outcome", results: await all, interrupted: options.signal?.aborted === true };
	} finally {
		// If the caller stops iterating, cancel the remaining syncs.
		abandoned.abort();
		await all.catch(() => undefined);
	}
}

/**
 * No entry with a source can be synced without git: reported once, not for each. @throws
 * AgentvError `config`
 */
export async function requireGitFor(
	entries: readonly RegistryEntry[],
	env: Environment,
	directory: string,
): Promise<void> {
	if (entries.some(({ source }) => source)) await requireGit(env, directory);
}

async function syncAll(
	entries: readonly RegistryEntry[],
	registry: Registry,
	options: SyncOptions,
	events: EventQueue,
): Promise<SyncResult[]> {
	const isNamed = options.ids !== undefined && options.ids.length > 0;
	const emit = (event: SyncEvent) => events.put(event);
	const results = new Map<string, SyncResult>();
	const concurrency = options.concurrency ?? defaultConcurrency;
	for (const round of rounds(entries)) {
		const work = async (entry: RegistryEntry) => {
			const done = await syncOne(entry, { ...options, base: dirname(registry.file), isNamed, emit });
			emit({ type: "finished", id: entry.id, result: done });
			return done;
		};
		for await (const { item, result } of iteratePool(round, { concurrency }, work)) results.set(item.id, result);
	}
	return entries.flatMap(({ id }) => results.get(id) ?? []);
}

/** An entry inside another's directory comes later, since that one must start empty. */
function rounds(entries: readonly RegistryEntry[]): RegistryEntry[][] {
	const clones = entries.filter(({ source }) => source);
	const depth = ({ path }: RegistryEntry) =>
		clones.filter((other) => other.path !== path && isInside(other.path, path)).length;
	const found: RegistryEntry[][] = [];
	for (const entry of entries) {
		const at = depth(entry);
		found[at] = [...(found[at] ?? []), entry];
	}
	return found.filter((round) => round !== undefined);
}

/** Passes events from the syncs to the one consumer. */
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
