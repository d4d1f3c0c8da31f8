import { addCosts, type Costs } from "../grading/contract.ts";
import {
	type Target,
	type TargetAnswer,
	type TargetFailure,
	type TargetOutcome,
	type TargetRequest,
	withCheckedFigures,
	withinLimits,
} from "../targets/contract.ts";
import type { ProviderName } from "../targets/providers/index.ts";
import { pause } from "./call-cache.ts";
import type { LiveTarget } from "./live-targets.ts";
import { isModel } from "./run-plan.ts";

export interface Asked {
	readonly outcome: TargetOutcome;
	readonly by: string;
	/** Includes retries and calls of fallbacks. */
	readonly tries: number;
	readonly durationMs: number;
	/** Reported costs of the calls before the last one. */
	readonly failedCalls: Costs;
}

interface AskOptions {
	readonly signal: AbortSignal;
	readonly timeoutMs: number | undefined;
	readonly onRetry?: (failure: TargetFailure, waitMs: number) => void;
	/** Also called for failed calls; US dollars, if reported. */
	readonly onCall?: (target: string, costUsd: number | undefined) => void;
	/** Whether an answer may be cached. Default: every complete answer. */
	readonly isUsable?: (answer: TargetAnswer) => boolean;
}

type Question = Omit<TargetRequest, "signal" | "timeoutMs">;

/** Calls a target, with retries and increasing pauses if they can help, then its fallbacks. */
export async function askTarget(
	candidates: readonly LiveTarget[],
	question: Question,
	options: AskOptions,
): Promise<Asked> {
	let tries = 0;
	let last: Asked | undefined;
	let failedCalls: Asked["failedCalls"] = {};
	for (const live of candidates) {
		const { target } = live;
		const { settings } = target;
		const place = live.cache?.place(target, question);
		const known = place === undefined ? undefined : live.cache?.read(place);
		if (known && mayBeKept(known, options))
			return { outcome: { ok: true, answer: known }, by: target.name, tries, durationMs: 0, failedCalls };
		// Network calls have transient failures; programs are only retried if their target says so.
		const max = settings.maxRetries ?? (isModel(target.provider) ? 3 : 0);
		for (let retry = 0; ; retry++) {
			await live.pace?.turn(options.signal);
			tries += 1;
			const started = performance.now();
			const outcome = await callOnce(live.instance, question, options);
			const durationMs = performance.now() - started;
			last = { outcome: withCause(outcome, target.provider), by: target.name, tries, durationMs, failedCalls };
			if (!outcome.ok) failedCalls = addCosts(failedCalls, outcome.failure.partial);
			options.onCall?.(target.name, outcome.ok ? outcome.answer.costUsd : outcome.failure.partial?.costUsd);
			if (place !== undefined && outcome.ok && mayBeKept(outcome.answer, options))
				live.cache?.keep(place, { durationMs, ...outcome.answer });
			if (outcome.ok || options.signal.aborted) return last;
			if (retry >= max || !canHelp(outcome.failure, settings.retryStatusCodes)) break;
			const waitMs = pauseBefore(retry, outcome.failure, settings);
			options.onRetry?.(outcome.failure, waitMs);
			await pause(waitMs, options.signal);
			if (options.signal.aborted) return last;
		}
	}
	const none = failed("not-found", "there is no target");
	return last ?? { outcome: none, by: "", tries: 0, durationMs: 0, failedCalls };
}

/** A program's behavior, including failures and timeouts, belongs to the tested agent. */
function withCause(outcome: TargetOutcome, provider: ProviderName): TargetOutcome {
	if (outcome.ok || outcome.failure.causedBy) return outcome;
	const { failure } = outcome;
	const isOfAgent = failure.code === "timeout" || (!isModel(provider) && failure.code !== "not-recorded");
	return isOfAgent ? { ok: false, failure: { ...failure, causedBy: "agent" } } : outcome;
}

function mayBeKept(answer: TargetAnswer, { isUsable }: AskOptions): boolean {
	return answer.stopReason === undefined && (isUsable?.(answer) ?? true);
}

/** With a longer `Retry-After` the call fails instead. */
const maxWaitMs = 5 * 60_000;

function canHelp(failure: TargetFailure, codes: readonly number[] | undefined): boolean {
	if ((failure.retryAfterMs ?? 0) > maxWaitMs) return false;
	if (failure.status !== undefined && codes) return codes.includes(failure.status);
	return failure.retryable;
}

interface Pauses {
	readonly retryInitialDelayMs?: number | undefined;
	readonly retryMaxDelayMs?: number | undefined;
	readonly retryBackoffFactor?: number | undefined;
}

/** Exponential, with jitter so that many tests don't retry simultaneously; `Retry-After` wins. */
function pauseBefore(retry: number, { retryAfterMs }: TargetFailure, settings: Pauses): number {
	const { retryInitialDelayMs = 500, retryMaxDelayMs = 30_000, retryBackoffFactor = 2 } = settings;
	const grown = Math.min(retryInitialDelayMs * retryBackoffFactor ** retry, retryMaxDelayMs);
	return Math.max(retryAfterMs ?? 0, grown * (0.75 + Math.random() / 2));
}

async function callOnce(instance: Target, question: Question, options: AskOptions): Promise<TargetOutcome> {
	const { signal, timeoutMs } = options;
	if (timeoutMs === undefined) return guarded(instance, question, { signal });
	const limit = new AbortController();
	const timer = setTimeout(() => limit.abort(), Math.min(timeoutMs, 2 ** 31 - 1));
	try {
		const outcome = await guarded(instance, question, { signal: AbortSignal.any([signal, limit.signal]), timeoutMs });
		if (outcome.ok || !limit.signal.aborted) return outcome;
		const message = `no response within ${timeoutMs / 1000} s`;
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
		return withinLimits(withCheckedFigures(await instance.invoke({ ...question, ...limits })));
	} catch (error) {
		return failed("crashed", error instanceof Error ? error.message : String(error));
	}
}

function failed(code: string, message: string): TargetOutcome {
	return { ok: false, failure: { code, message, retryable: false } };
}
