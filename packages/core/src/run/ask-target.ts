import type { Target, TargetFailure, TargetOutcome, TargetRequest } from "../targets/contract.ts";
import type { LiveTarget } from "./live-targets.ts";

/** How a question ended, and what it took. */
export interface Asked {
	readonly outcome: TargetOutcome;
	/** Who gave the last word: the target, or the fallback that stepped in. */
	readonly by: string;
	/** Calls, retries and fallbacks included. */
	readonly tries: number;
	/** Of the last call. */
	readonly durationMs: number;
}

export interface AskOptions {
	/** Ctrl-C. */
	readonly signal: AbortSignal;
	/** For each call. */
	readonly timeoutMs: number | undefined;
	readonly onRetry?: (failure: TargetFailure, waitMs: number) => void;
}

type Question = Omit<TargetRequest, "signal" | "timeoutMs">;

/** Asks a target: again with growing pauses where that can help, and then those that step in for it. */
export async function askTarget(
	candidates: readonly LiveTarget[],
	question: Question,
	options: AskOptions,
): Promise<Asked> {
	let tries = 0;
	let last: Asked | undefined;
	for (const { target, instance } of candidates) {
		const { settings } = target;
		const most = settings.maxRetries ?? (target.provider in retriedByDefault ? 3 : 0);
		for (let retry = 0; ; retry++) {
			tries += 1;
			const started = performance.now();
			const outcome = await callOnce(instance, question, options);
			last = { outcome, by: target.name, tries, durationMs: performance.now() - started };
			if (outcome.ok || options.signal.aborted) return last;
			if (retry >= most || !canHelp(outcome.failure, settings.retryStatusCodes)) break;
			const waitMs = pauseBefore(retry, outcome.failure, settings);
			options.onRetry?.(outcome.failure, waitMs);
			await pause(waitMs, options.signal);
			if (options.signal.aborted) return last;
		}
	}
	return last ?? { outcome: failed("not-found", "there is no target to ask"), by: "", tries: 0, durationMs: 0 };
}

/** Calls over the network fail in passing; programs are asked again only where their target says so. */
const retriedByDefault = { openai: true, azure: true, openrouter: true, anthropic: true, gemini: true } as const;

function canHelp(failure: TargetFailure, codes: readonly number[] | undefined): boolean {
	if (failure.status !== undefined && codes) return codes.includes(failure.status);
	return failure.retryable;
}

interface Pauses {
	readonly retryInitialDelayMs?: number | undefined;
	readonly retryMaxDelayMs?: number | undefined;
	readonly retryBackoffFactor?: number | undefined;
}

/** Doubling from half a second to half a minute, a little at random so that many tests don't come back at once; or what the target asked for. */
function pauseBefore(retry: number, { retryAfterMs }: TargetFailure, settings: Pauses): number {
	const { retryInitialDelayMs = 500, retryMaxDelayMs = 30_000, retryBackoffFactor = 2 } = settings;
	const grown = Math.min(retryInitialDelayMs * retryBackoffFactor ** retry, retryMaxDelayMs);
	return Math.max(retryAfterMs ?? 0, grown * (0.75 + Math.random() / 2));
}

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

async function callOnce(instance: Target, question: Question, options: AskOptions): Promise<TargetOutcome> {
	const { signal, timeoutMs } = options;
	// Without a limit nothing has to be made for a call.
	if (timeoutMs === undefined) return guarded(instance, question, { signal });
	const limit = new AbortController();
	const timer = setTimeout(() => limit.abort(), Math.min(timeoutMs, 2 ** 31 - 1));
	try {
		const outcome = await guarded(instance, question, { signal: AbortSignal.any([signal, limit.signal]), timeoutMs });
		if (outcome.ok || !limit.signal.aborted) return outcome;
		const message = `no answer within ${timeoutMs / 1000} s`;
		return { ok: false, failure: { ...outcome.failure, code: "timeout", message, retryable: true } };
	} finally {
		clearTimeout(timer);
	}
}

async function guarded(
	instance: Target,
	question: Question,
	limits: Pick<TargetRequest, "signal" | "timeoutMs">,
): Promise<TargetOutcome> {
	try {
		return await instance.invoke({ ...question, ...limits });
	} catch (error) {
		return failed("crashed", error instanceof Error ? error.message : String(error));
	}
}

function failed(code: string, message: string): TargetOutcome {
	return { ok: false, failure: { code, message, retryable: false } };
}
