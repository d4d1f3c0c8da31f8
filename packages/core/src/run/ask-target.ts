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
import { pause } from "./call-cache.ts";
import type { LiveTarget } from "./live-targets.ts";
import { isModel } from "./run-plan.ts";

/** How a question ended, and what it took. */
export interface Asked {
	readonly outcome: TargetOutcome;
	/** Who gave the last word: the target, or the fallback that stepped in. */
	readonly by: string;
	/** Calls, retries and fallbacks included. */
	readonly tries: number;
	/** Of the last call. */
	readonly durationMs: number;
	/** What the calls before the last one cost, as far as they say. */
	readonly failedCalls: Costs;
}

export interface AskOptions {
	/** Ctrl-C. */
	readonly signal: AbortSignal;
	/** For each call. */
	readonly timeoutMs: number | undefined;
	readonly onRetry?: (failure: TargetFailure, waitMs: number) => void;
	/** Told of each call that was really made, failed ones too, in US dollars where the target says. */
	readonly onCall?: (target: string, costUsd: number | undefined) => void;
	/** Whether an answer may be taken from, and kept in, the cache. By default any that came to its own end. */
	readonly isUsable?: (answer: TargetAnswer) => boolean;
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
	let failedCalls: Asked["failedCalls"] = {};
	for (const live of candidates) {
		const { target } = live;
		const { settings } = target;
		const place = live.cache?.place(target, question);
		const known = place === undefined ? undefined : live.cache?.read(place);
		if (known && mayBeKept(known, options))
			return { outcome: { ok: true, answer: known }, by: target.name, tries, durationMs: 0, failedCalls };
		// Calls over the network fail in passing; programs are asked again only where their target says so.
		const most = settings.maxRetries ?? (isModel(target.provider) ? 3 : 0);
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
			if (retry >= most || !canHelp(outcome.failure, settings.retryStatusCodes)) break;
			const waitMs = pauseBefore(retry, outcome.failure, settings);
			options.onRetry?.(outcome.failure, waitMs);
			await pause(waitMs, options.signal);
			if (options.signal.aborted) return last;
		}
	}
	const none = failed("not-found", "there is no target");
	return last ?? { outcome: none, by: "", tries: 0, durationMs: 0, failedCalls };
}

/**
 * Says who failed if the target does not. What a program does or says of itself is the tested agent's doing, its reports of other failures
 * included; so is running into the time limit.
 */
function withCause(outcome: TargetOutcome, provider: string): TargetOutcome {
	if (outcome.ok || outcome.failure.causedBy) return outcome;
	const { failure } = outcome;
	const isOfAgent = failure.code === "timeout" || (!isModel(provider) && failure.code !== "not-recorded");
	return isOfAgent ? { ok: false, failure: { ...failure, causedBy: "agent" } } : outcome;
}

/** A refusal, or an answer that was cut, is not repeated to later runs; neither is one that its asker can't use. */
function mayBeKept(answer: TargetAnswer, { isUsable }: AskOptions): boolean {
	return answer.stopReason === undefined && (isUsable?.(answer) ?? true);
}

/** A server that asks to stay away for longer than this is not waited for. */
const longestWaitMs = 5 * 60_000;

function canHelp(failure: TargetFailure, codes: readonly number[] | undefined): boolean {
	if ((failure.retryAfterMs ?? 0) > longestWaitMs) return false;
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

async function callOnce(instance: Target, question: Question, options: AskOptions): Promise<TargetOutcome> {
	const { signal, timeoutMs } = options;
	// Without a limit nothing has to be made for a call.
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
