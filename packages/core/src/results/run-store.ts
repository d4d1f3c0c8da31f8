import { readRunFile } from "../eval/discover-evals.ts";
import type { ResultsMachine } from "../eval/run-digest.ts";
import type { TableRow } from "../format/run-file.ts";
import {
	attemptStatuses,
	type CaseOutcome,
	caseOutcomes,
	type PlannedRun,
	type RunTally,
	tallyOf,
} from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { type ComparedRun, readComparedRun } from "./case-scores.ts";
import { type Comparison, compareRuns, type FingerprintPart } from "./compare-runs.ts";
import { findRuns, type RunHead, readRunHead as readHead, readRunTable, runStamps } from "./read-run.ts";

export interface RunTable {
	readonly rows: readonly TableRow[];
	readonly outcomes: readonly CaseOutcome<TableRow>[];
	readonly tally: RunTally;
}

export interface PassRate {
	readonly eval: string;
	readonly target: string;
	readonly passed: number;
	readonly failed: number;
	readonly errors: number;
	readonly errorsByAgent: number;
	readonly planned: number;
}

/** Keeps recently used values up to a total size; recreates one when its stamp changes. */
class StampedCache<Value> {
	readonly #entries = new Map<string, { readonly stamp: string; readonly value: Value; readonly size: number }>();
	readonly #limit: number;
	readonly #sizeOf: (value: Value) => number;
	#size = 0;

	/** @param sizeOf by default 1 for each value */
	constructor(limit: number, sizeOf: (value: Value) => number = () => 1) {
		this.#limit = limit;
		this.#sizeOf = sizeOf;
	}

	/** Keeps at least two values regardless of their size, because a page may show both. */
	get(key: string, stamp: string, make: () => Value): Value {
		const known = this.#entries.get(key);
		const value = known?.stamp === stamp ? known.value : make();
		const entry = { stamp, value, size: this.#sizeOf(value) };
		// Delete it first, so that the least recently used entry is evicted first.
		this.#entries.delete(key);
		this.#entries.set(key, entry);
		this.#size += entry.size - (known?.size ?? 0);
		for (const [oldest, { size }] of this.#entries) {
			if (this.#size <= this.#limit || this.#entries.size <= 2) break;
			this.#entries.delete(oldest);
			this.#size -= size;
		}
		return value;
	}
}

/** Milliseconds of reading before other work gets a turn. */
const turnMs = 20;
/** Milliseconds to cache a listing, because a page sends several requests concurrently. */
const freshMs = 500;

/** Reads runs for a long-lived process: again only if they have changed. */
export class RunStore {
	readonly #machine: ResultsMachine;
	#known = new Map<string, { readonly stamp: string; readonly head: RunHead }>();
	#heads: readonly RunHead[] = [];
	#readAt = Number.NEGATIVE_INFINITY;
	#reading: Promise<readonly RunHead[]> | undefined;
	/** The limit is in rows over all runs. */
	readonly #tables = new StampedCache<RunTable>(60_000, ({ rows }) => rows.length);
	readonly #rates = new StampedCache<readonly PassRate[]>(5000);
	readonly #plans = new StampedCache<PlannedRun>(3);
	/** The limit is in tests over all runs. */
	readonly #compared = new StampedCache<ComparedRun>(50_000, ({ cases }) => cases.length);
	readonly #comparisons = new StampedCache<Comparison>(6);

	constructor(machine: ResultsMachine) {
		this.#machine = machine;
	}

	async heads(): Promise<readonly RunHead[]> {
		if (performance.now() - this.#readAt < freshMs) return this.#heads;
		this.#reading ??= this.#readHeads().finally(() => {
			this.#reading = undefined;
		});
		return this.#reading;
	}

	async find(isMeant: (head: RunHead) => boolean): Promise<RunHead | undefined> {
		const known = (await this.heads()).find(isMeant);
		if (known) return known;
		this.forget();
		return (await this.heads()).find(isMeant);
	}

	forget(): void {
		this.#readAt = Number.NEGATIVE_INFINITY;
	}

	async #readHeads(): Promise<readonly RunHead[]> {
		const known = new Map<string, { readonly stamp: string; readonly head: RunHead }>();
		const takeTurns = turns();
		for (const run of findRuns(this.#machine)) {
			await takeTurns();
			const stamp = runStamps(run.directory).run;
			if (stamp === undefined) continue;
			const before = this.#known.get(run.directory);
			known.set(run.directory, before?.stamp === stamp ? before : { stamp, head: readHead(run) });
		}
		this.#known = known;
		this.#heads = [...known.values()].map(({ head }) => head);
		this.#readAt = performance.now();
		return this.#heads;
	}

	table(directory: string): RunTable {
		return this.#tables.get(directory, stampOf(directory), () => this.#readTable(directory));
	}

	/** Bypasses the cached tables, so that a history of many runs doesn't evict the one on screen. */
	rates(directory: string): readonly PassRate[] {
		return this.#rates.get(directory, stampOf(directory), () => passRates(this.#readTable(directory)));
	}

	/** @throws AgentvError `not-found`, `config` */
	compared(directory: string): ComparedRun {
		return this.#compared.get(directory, stampOf(directory), () => readComparedRun(directory));
	}

	compare(before: string, after: string, vary: readonly FingerprintPart[]): Comparison {
		const key = JSON.stringify([before, after, [...vary].sort()]);
		return this.#comparisons.get(key, stampOf(before) + stampOf(after), () =>
			compareRuns(this.compared(before).cases, this.compared(after).cases, new Set(vary)),
		);
	}

	#readTable(directory: string): RunTable {
		const rows = readRunTable(directory);
		const plan = this.#plans.get(directory, runStamps(directory).run ?? "", () => readPlan(directory));
		const outcomes = [...caseOutcomes(rows, plan)];
		const others = unplanned(rows, outcomes);
		// If rows and plan belong to different runs, only the rows are shown.
		const shown = others.length === 0 ? outcomes : outcomes.filter(({ attempts }) => attempts.length > 0);
		return { rows, outcomes: [...shown, ...others], tally: tallyOf(outcomes, plan) };
	}
}

/** Returns a function that yields to other work if much time has passed since its last turn. */
export function turns(): () => Promise<void> {
	let turn = performance.now();
	return async () => {
		if (performance.now() - turn <= turnMs) return;
		await new Promise((resolve) => setImmediate(resolve));
		turn = performance.now();
	};
}

function stampOf(directory: string): string {
	const { run, rows } = runStamps(directory);
	return `${run} ${rows}`;
}

/** Returns an empty plan if it is unreadable, so that rows are still shown. */
function readPlan(directory: string): PlannedRun {
	try {
		const { planned, evals } = readRunFile(directory);
		return { planned, evals };
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return { planned: [], evals: [] };
	}
}

/** Rows missing from the plan are shown, but not counted. */
function unplanned(rows: readonly TableRow[], outcomes: readonly CaseOutcome<TableRow>[]): CaseOutcome<TableRow>[] {
	const planned = new Set(outcomes.flatMap(({ attempts }) => attempts));
	return rows
		.filter((row) => !planned.has(row))
		.map((row) => {
			const { eval: label, testId, target, executionStatus, score } = row;
			const status = attemptStatuses[executionStatus];
			const repeat = { count: 1, strategy: "mean", earlyExit: false } as const;
			return { eval: label, testId, target, status, score, lowest: score, repeat, attempts: [row] };
		});
}

function passRates({ outcomes }: RunTable): PassRate[] {
	const rates = new Map<string, { -readonly [Key in keyof PassRate]: PassRate[Key] }>();
	const none = { passed: 0, failed: 0, errors: 0, errorsByAgent: 0, planned: 0 };
	for (const { eval: label, target, status, lowest } of outcomes) {
		const key = JSON.stringify([label, target]);
		const rate = rates.get(key) ?? { eval: label, target, ...none };
		rate.planned += 1;
		if (status !== "not_run") rate[status === "error" ? "errors" : status] += 1;
		if (status === "error" && lowest !== undefined) rate.errorsByAgent += 1;
		rates.set(key, rate);
	}
	return [...rates.values()];
}
