import { join } from "node:path";
import { OrderFreeSum } from "../base/order-free-sum.ts";
import { readJson } from "../base/read-json.ts";
import { caseKey } from "../model/case-key.ts";
import { readRunFile, wholeLines } from "../model/result-files.ts";

/** How long the tests of a former run took. */
export interface Durations {
	/** Id of that run. */
	readonly runId: string;
	/** Milliseconds of an attempt, in the mean, by case. */
	readonly byCase: ReadonlyMap<string, number>;
	/** What is taken for tests that the run does not know: the median of those that it does. */
	readonly usual: number;
}

export function caseDuration({ byCase, usual }: Durations, key: string): number {
	return byCase.get(key) ?? usual;
}

/**
 * Reads the durations of a run. An attempt that was made again counts as it was the last time, one that was skipped not at all.
 * @throws AgentvError `not-found` where `directory` holds no run, `config` where it can't be read
 */
export function readDurations(directory: string): Durations {
	const { runId } = readRunFile(directory);
	const attempts = new Map<string, Map<number, number>>();
	for (const line of wholeLines(join(directory, "index.jsonl"))) {
		const row = timedRow(line);
		if (!row) continue;
		const known = attempts.get(row.key) ?? new Map<number, number>();
		attempts.set(row.key, known.set(row.attempt, row.durationMs));
	}
	const byCase = new Map([...attempts].map(([key, known]) => [key, mean([...known.values()])]));
	return { runId, byCase, usual: median([...byCase.values()]) };
}

function timedRow(line: string) {
	const read = readJson(line);
	if (!("value" in read) || typeof read.value !== "object" || read.value === null) return undefined;
	const { eval: label, test_id: testId, target, attempt, duration_ms: durationMs, error } = read.value as Wire;
	if (typeof label !== "string" || typeof testId !== "string" || typeof target !== "string") return undefined;
	if (typeof attempt !== "number" || typeof durationMs !== "number" || error?.stage === "dependency") return undefined;
	return { key: caseKey(label, testId, target), attempt, durationMs };
}

interface Wire {
	readonly eval?: unknown;
	readonly test_id?: unknown;
	readonly target?: unknown;
	readonly attempt?: unknown;
	readonly duration_ms?: unknown;
	readonly error?: { readonly stage?: unknown } | null;
}

function mean(numbers: readonly number[]): number {
	const sum = new OrderFreeSum();
	for (const number of numbers) sum.add(number);
	return sum.total / sum.count;
}

/** 0 of nothing. */
function median(numbers: readonly number[]): number {
	const sorted = [...numbers].sort((one, other) => one - other);
	const middle = sorted.length >> 1;
	const upper = sorted[middle] ?? 0;
	return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
