/** Hands values from where they arise to the one who loops over them. */
export class EventQueue<Value> {
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

	/** Ends the loop with an error, once all that was put has come. */
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
