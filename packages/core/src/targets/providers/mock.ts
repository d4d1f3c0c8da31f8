import type { Provider, TargetOutcome } from "../contract.ts";

const fallbackAnswer = "This is the mock target's answer.";

/** Returns the responses from its settings: deterministic, offline. */
export const mock: Provider<"mock"> = {
	provider: "mock",
	create: ({ settings }) => ({
		check: async () => undefined,
		async invoke({ testId, signal }): Promise<TargetOutcome> {
			const { responses, response, delayMs = 0 } = settings;
			if (delayMs > 0) await pause(delayMs, signal);
			const own = responses && Object.hasOwn(responses, testId) ? responses[testId] : undefined;
			return { ok: true, answer: { text: own ?? response ?? fallbackAnswer, messages: [] } };
		},
	}),
};

/** Waits, but not past an abort, which the runner handles. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			clearTimeout(timer);
			signal.removeEventListener("abort", done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		signal.addEventListener("abort", done, { once: true });
	});
}
