interface PoolOptions {
	/** At least 1. */
	readonly concurrency: number;
	/** Once aborted, nothing new starts; running work is awaited. */
	readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` for every item; results are in the order of the items.
 * After the first failure (or an abort) nothing new starts. Rejects with that failure (or the
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

/**
 * Like `mapPool`, but yields results in completion order, including those before a failure. Leaving
 * the loop early starts nothing new and waits for running work.
 */
export async function* iteratePool<Item, Result>(
	items: Iterable<Item>,
	{ concurrency, signal }: PoolOptions,
	work: (item: Item, index: number) => Promise<Result>,
): AsyncGenerator<{ readonly item: Item; readonly index: number; readonly result: Result }, void> {
	signal?.throwIfAborted();
	const waiting = [...items].entries();
	const running = new Set<Promise<void>>();
	const finished: { item: Item; index: number; result: Result }[] = [];
	let failure: { readonly reason: unknown } | undefined;
	let isLeft = false;
	let wake: () => void = () => undefined;
	const run = async (item: Item, index: number) => {
		try {
			finished.push({ item, index, result: await work(item, index) });
		} catch (error) {
			failure ??= { reason: signal?.aborted ? signal.reason : error };
		}
	};
	const start = () => {
		if (signal?.aborted) failure ??= { reason: signal.reason };
		while (running.size < Math.max(1, Math.floor(concurrency)) && failure === undefined && !isLeft) {
			const next = waiting.next();
			if (next.done) return;
			const [index, item] = next.value;
			const task = run(item, index).then(() => {
				running.delete(task);
				wake();
				start();
			});
			running.add(task);
		}
	};
	start();
	try {
		while (running.size > 0 || finished.length > 0) {
			const next = finished.shift();
			if (next !== undefined) yield next;
			else
				await new Promise<void>((resolve) => {
					wake = resolve;
				});
		}
	} finally {
		isLeft = true;
		await Promise.all(running);
	}
	if (failure !== undefined) throw failure.reason;
}

export class AsyncQueue<Value extends object> {
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

	/** The iteration ends with the error after all queued values. */
	fail(error: unknown): void {
		this.#failure = { error };
		this.close();
	}

	async *contents(): AsyncGenerator<Value, void> {
		for (;;) {
			const values = this.#values.reverse();
			this.#values = [];
			// Popped, so that what was passed on is not kept until the last one is.
			for (let value = values.pop(); value !== undefined; value = values.pop()) yield value;
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
