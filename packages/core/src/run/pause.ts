const longestTimer = 2 ** 31 - 1;

/** Waits, but not past an abort: the caller looks at the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			clearTimeout(timer);
			signal.removeEventListener("abort", done);
			resolve();
		};
		const timer = setTimeout(done, Math.min(ms, longestTimer));
		signal.addEventListener("abort", done, { once: true });
		if (signal.aborted) done();
	});
}
