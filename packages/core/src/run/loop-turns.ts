const longestMs = 10;

/** Lets the event loop turn now and then: work that never waits would keep Ctrl-C, timers and the screen from their turn. */
export class LoopTurns {
	#last = performance.now();
	#turn: Promise<void> | undefined;

	/** Resolves at once, or after a turn of the loop where the last one was a while ago. */
	taken(): Promise<void> | undefined {
		if (performance.now() - this.#last < longestMs) return undefined;
		this.#turn ??= new Promise((resolve) => {
			setImmediate(() => {
				this.#last = performance.now();
				this.#turn = undefined;
				resolve();
			});
		});
		return this.#turn;
	}
}
