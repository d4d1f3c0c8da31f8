import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { canonicalJson, omitUndefined, readJson } from "../lib/json.ts";
import { type Redactor, redactDeep } from "../lib/redact.ts";
import { makeDirectories } from "../machine/directories.ts";
import { targetKind } from "../machine/files.ts";
import { readBytes, readTextFile } from "../machine/read-file.ts";
import { digestText } from "../machine/tree-notes.ts";
import { touch, writeAtomic } from "../machine/write-file.ts";
import { type RequestPiece, stopReasonOf, type TargetAnswer, type TargetRequest } from "../targets/contract.ts";
import { isModel, type PlannedCase, type RunPlan } from "./run-plan.ts";

/** Settings that don't affect a target's answers: rate limits, and keys. */
const without: ReadonlySet<string> = new Set([
	...["name", "workers", "requests_per_minute", "timeout_seconds", "max_retries", "fallback_targets"],
	...["retry_initial_delay_ms", "retry_max_delay_ms", "retry_backoff_factor", "retry_status_codes"],
	...["api_key", "grader_target", "judge_target", "hooks", "verbose", "log_dir", "stream_log", "use_target", "extends"],
]);

type Question = Pick<TargetRequest, "messages" | "attempt" | "answerSchema">;

/**
 * Caches responses of language models by everything that they depend on. Other targets change a
 * workspace, which a cache can't restore.
 */
export class CallCache {
	constructor(
		private readonly directory: string,
		private readonly redact: Redactor,
	) {}

	place({ provider, wire }: ResolvedTarget, { messages, attempt, answerSchema }: Question): string | undefined {
		if (!isModel(provider)) return undefined;
		const settings = Object.fromEntries(Object.entries(wire).filter(([key]) => !without.has(key)));
		const input = messages.map(({ content, ...rest }) => ({ ...rest, content: content.map(print) }));
		const key = digestText(canonicalJson({ provider, settings, input, attempt, answerSchema: answerSchema ?? null }));
		return join(this.directory, key.slice(0, 2), `${key}.json`);
	}

	/** An unreadable answer counts as missing. */
	read(place: string): TargetAnswer | undefined {
		if (targetKind(place) !== "file") return undefined;
		const read = readJson(readTextFile(place));
		const answer = "value" in read ? (read.value as Partial<TargetAnswer> | null) : undefined;
		if (typeof answer?.text !== "string" || !Array.isArray(answer.messages)) return undefined;
		// Earlier versions cached truncated answers.
		if (answer.stopReason ?? stopReasonOf(answer.metadata?.["finish_reason"])) return undefined;
		// Recently used entries are not pruned.
		touch(place);
		return asCached(answer as TargetAnswer);
	}

	/** Skips answers that contain a secret, since redacting would change them. */
	keep(place: string, answer: TargetAnswer): void {
		if (answer.textFile !== undefined || redactDeep(answer, this.redact) !== answer) return;
		makeDirectories(join(place, ".."));
		writeAtomic(place, JSON.stringify(answer), { mode: 0o600 });
	}
}

/** Keeps the original figures as metadata: a cached answer costs nothing. */
function asCached({ tokenUsage, costUsd, durationMs, warnings: _, ...answer }: TargetAnswer): TargetAnswer {
	return {
		...answer,
		tokenUsage: { input: 0, output: 0 },
		costUsd: 0,
		durationMs: 0,
		cached: omitUndefined({ durationMs: durationMs && Math.round(durationMs), tokenUsage, costUsd }),
		metadata: { ...answer.metadata, cached: true },
	};
}

/** Identifies a file by its content, so that it may move. */
function print(piece: RequestPiece): unknown {
	if (piece.type === "text") return piece;
	const { path, ...rest } = piece;
	return { ...rest, digest: digestText(readBytes(path)) };
}

export interface ShardBudget {
	/** The eval with this `budget_usd`; absent for the whole run's budget. */
	readonly eval?: string;
	readonly usd: number;
	readonly wholeUsd: number;
	readonly tests: number;
	/** Tests × targets, over all shards. */
	readonly wholeTests: number;
}

type Budgeted = Pick<RunPlan, "request" | "evals" | "cases" | "shard">;

/** Returns a shard's part of each budget; empty if the run is not a shard or has no budget. */
export function shardBudgets({ request, evals, cases, shard }: Budgeted): ShardBudget[] {
	if (!shard) return [];
	const { budgetUsd } = request;
	if (budgetUsd !== undefined) return [shareOf(budgetUsd, cases, shard.whole)];
	return evals.flatMap((planned) => {
		const ofEval = (testCase: PlannedCase) => testCase.eval.label === planned.label;
		if (planned.budgetUsd === undefined) return [];
		return [{ eval: planned.label, ...shareOf(planned.budgetUsd, cases.filter(ofEval), shard.whole.filter(ofEval)) }];
	});
}

function shareOf(wholeUsd: number, cases: readonly PlannedCase[], whole: readonly PlannedCase[]): ShardBudget {
	const [tests, wholeTests] = [cases.length, whole.length];
	return { usd: wholeTests === 0 ? 0 : (wholeUsd * tests) / wholeTests, wholeUsd, tests, wholeTests };
}

/**
 * Limits spending on targets and grader models, in US dollars: by the request's budget, else by
 * each eval's `budget_usd`. A resumed run counts from zero.
 */
export class Budgets {
	readonly #limits = new Map<string, number>();
	readonly #whole: number | undefined;
	readonly #spent = new Map<string, number>();
	readonly #silent = new Set<string>();

	constructor(plan: Budgeted) {
		const shares = shardBudgets(plan);
		const shareFor = (label?: string) => shares.find((share) => share.eval === label)?.usd;
		const { budgetUsd } = plan.request;
		this.#whole = budgetUsd === undefined ? undefined : (shareFor() ?? budgetUsd);
		if (this.#whole !== undefined) return;
		for (const { label, budgetUsd: own } of plan.evals)
			if (own !== undefined) this.#limits.set(label, shareFor(label) ?? own);
	}

	add(evalLabel: string, target: string, costUsd: number | undefined): string | undefined {
		this.#spent.set(evalLabel, (this.#spent.get(evalLabel) ?? 0) + (costUsd ?? 0));
		if (costUsd !== undefined || this.#silent.has(target) || this.#limitOf(evalLabel) === undefined) return undefined;
		this.#silent.add(target);
		return `target ${JSON.stringify(target)} does not report its costs, so the budget ignores them (add \`pricing\`)`;
	}

	isSpent({ eval: { label } }: PlannedCase): boolean {
		const limit = this.#limitOf(label);
		if (limit === undefined) return false;
		return (this.#whole === undefined ? (this.#spent.get(label) ?? 0) : this.#total()) >= limit;
	}

	#limitOf(evalLabel: string): number | undefined {
		return this.#whole ?? this.#limits.get(evalLabel);
	}

	#total(): number {
		return [...this.#spent.values()].reduce((sum, amount) => sum + amount, 0);
	}
}

const maxTimerMs = 2 ** 31 - 1;

/** Also resolves when the signal aborts, which the caller checks. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
	return setTimeout(Math.min(ms, maxTimerMs), undefined, { signal }).catch(() => undefined);
}

export class Pace {
	readonly #gapMs: number;
	#next = 0;

	constructor(requestsPerMinute: number) {
		this.#gapMs = 60_000 / requestsPerMinute;
	}

	async turn(signal: AbortSignal): Promise<void> {
		const now = performance.now();
		const at = Math.max(now, this.#next);
		this.#next = at + this.#gapMs;
		if (at > now) await pause(at - now, signal);
	}
}
