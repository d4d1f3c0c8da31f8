import { pause } from "./pause.ts";

/** Spreads the calls of a target evenly over time: each waits for its turn. */
export class Pace {
	readonly #gapMs: number;
	#next = 0;

	constructor(requestsPerMinute: number) {
		this.#gapMs = 60_000 / requestsPerMinute;
	}

	/** Resolves when it is this call's turn, or on abort. */
	async turn(signal: AbortSignal): Promise<void> {
		const now = performance.now();
		const at = Math.max(now, this.#next);
		this.#next = at + this.#gapMs;
		if (at > now) await pause(at - now, signal);
	}
}
