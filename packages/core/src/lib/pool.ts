import pLimit from "p-limit";

export interface PoolOptions {
	/** Maximum number of concurrent calls, at least 1. */
	readonly concurrency: number;
	/** Once aborted, nothing new starts; running work is awaited. */
	readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` for every item, at most `concurrency` concurrently; results in the order of the
 * items.
 *
 * After the first failure (or an abort) nothing new starts. It rejects with that failure (or the
 * signal's reason) only once all running work has ended, so nothing continues in the background.
 */
export async function mapPool<Item, Result>(
	items: Iterable<Item>,
	options: PoolOptions,
	work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
	const results: Result[] = [];
	for await (const { index, result } of iteratePool(items, options, work)) results[index] = result;
	return results;
}

export interface PoolResult<Item, Result> {
	readonly item: Item;
	readonly index: number;
	readonly result: Result;
}

/**
 * Like `mapPool`, but yields each result when it is ready, in completion order; results that
 * finished before a failure are still yielded. Leaving the loop early starts nothing new and waits
 * for running work.
 */
export async function* iteratePool<Item, Result>(
	items: Iterable<Item>,
	{ concurrency, signal }: PoolOptions,
	work: (item: Item, index: number) => Promise<Result>,
): AsyncGenerator<PoolResult<Item, Result>, void> {
	const limit = pLimit({ concurrency: Math.max(1, Math.floor(concurrency)), rejectOnClear: true });
	const finished = new AsyncQueue<PoolResult<Item, Result>>();
	let failure: { readonly reason: unknown } | undefined;
	const stop = (reason: unknown) => {
		failure ??= { reason };
		limit.clearQueue();
	};
	const aborted = () => stop(signal?.reason);
	signal?.throwIfAborted();
	signal?.addEventListener("abort", aborted, { once: true });
	const tasks = [...items].map((item, index) =>
		limit(async () => {
			if (failure !== undefined) return;
			try {
				finished.put({ item, index, result: await work(item, index) });
			} catch (error) {
				// Caught inside the limit: outside it, the next item would already have started.
				stop(error);
			}
		}).catch(stop),
	);
	const all = Promise.all(tasks).then(() => finished.close());
	try {
		yield* finished.contents();
	} finally {
		signal?.removeEventListener("abort", aborted);
		limit.clearQueue();
		await all;
	}
	if (failure !== undefined) throw failure.reason;
}

/** Passes values from producers to an iterating consumer. */
export class AsyncQueue<Value> {
	#values: Value[] = [];
	#closed = false;
	#failure: { readonly error: unknown } | undefined;
	#wake: (() => void) | undefined;

	put(value: Value): void {
		this.#values.push(value);
		this.#wake?.();
	}

	close(): void {
		this.#closed = true;
		this.#wake?.();
	}

	/** Ends the iteration with an error after all queued values. */
	fail(error: unknown): void {
		this.#failure = { error };
		this.close();
	}

	async *contents(): AsyncGenerator<Value, void> {
		for (;;) {
			const values = this.#values;
			this.#values = [];
			yield* values;
			if (this.#values.length > 0) continue;
			if (this.#closed) break;
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
			this.#wake = undefined;
		}
		if (this.#failure) throw this.#failure.error;
	}
}
