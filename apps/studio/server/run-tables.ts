import {
	AgentvError,
	attemptStatuses,
	type CaseOutcome,
	caseOutcomes,
	type PlannedRun,
	type RunTally,
	readRunFile,
	readRunTable,
	runStamps,
	type TableRow,
	tallyOf,
} from "@agentv/core";

/** The rows of a run and their tests. */
export interface RunTable {
	/** In order of completion. */
	readonly rows: readonly TableRow[];
	readonly outcomes: readonly CaseOutcome<TableRow>[];
	readonly tally: RunTally;
}

/** The results of one eval on one target in one run. */
export interface PassRate {
	readonly eval: string;
	readonly target: string;
	readonly passed: number;
	readonly failed: number;
	readonly errors: number;
	/** The part of `errors` that the agent caused. */
	readonly errorsByAgent: number;
	/** Includes tests that were not run. */
	readonly planned: number;
}

/** Cache size in rows over all runs; the most recently read table is always kept. */
const keptRows = 60_000;
const keptRates = 5000;
const keptPlans = 3;

interface Kept<Value> {
	readonly stamp: string;
	readonly value: Value;
}

/** Caches rows of runs; reads them again if they have changed. */
export class RunTables {
	readonly #tables = new Map<string, Kept<RunTable>>();
	readonly #rates = new Map<string, Kept<readonly PassRate[]>>();
	readonly #plans = new Map<string, Kept<PlannedRun>>();

	table(directory: string): RunTable {
		const stamp = stampOf(directory);
		const known = this.#tables.get(directory);
		this.#tables.delete(directory);
		const entry = known?.stamp === stamp ? known : { stamp, value: this.#read(directory) };
		this.#tables.set(directory, entry);
		this.#forgetOldest();
		return entry.value;
	}

	/** Returns pass rates by eval and target. */
	rates(directory: string): readonly PassRate[] {
		const stamp = stampOf(directory);
		const known = this.#rates.get(directory);
		if (known?.stamp === stamp) return known.value;
		// Bypasses the cache, so that the history does not evict the table being shown.
		const value = ratesOf(this.#read(directory));
		this.#rates.set(directory, { stamp, value });
		const [oldest] = this.#rates.keys();
		if (this.#rates.size > keptRates && oldest !== undefined) this.#rates.delete(oldest);
		return value;
	}

	#read(directory: string): RunTable {
		const rows = readRunTable(directory);
		const plan = this.#plan(directory);
		const outcomes = [...caseOutcomes(rows, plan)];
		const others = unplanned(rows, outcomes);
		// If rows and plan belong to different runs, only the rows are shown.
		const shown = others.length === 0 ? outcomes : outcomes.filter(({ attempts }) => attempts.length > 0);
		return { rows, outcomes: [...shown, ...others], tally: tallyOf(outcomes, plan) };
	}

	/** Returns the run's plan; empty if it can't be read, so that rows are still shown. */
	#plan(directory: string): PlannedRun {
		const stamp = runStamps(directory).run ?? "none";
		const known = this.#plans.get(directory);
		if (known?.stamp === stamp) return known.value;
		this.#plans.delete(directory);
		const value = readPlan(directory);
		this.#plans.set(directory, { stamp, value });
		const [oldest] = this.#plans.keys();
		if (this.#plans.size > keptPlans && oldest !== undefined) this.#plans.delete(oldest);
		return value;
	}

	#forgetOldest(): void {
		let rows = 0;
		for (const [directory, { value }] of [...this.#tables].reverse()) {
			if (rows > 0 && rows + value.rows.length > keptRows) this.#tables.delete(directory);
			rows += value.rows.length;
		}
	}
}

function stampOf(directory: string): string {
	const { run, rows } = runStamps(directory);
	return `${run} ${rows}`;
}

function readPlan(directory: string): PlannedRun {
	try {
		const { planned, evals } = readRunFile(directory);
		return { planned, evals };
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return { planned: [], evals: [] };
	}
}

/** Returns rows missing from the plan, which are shown but not counted. */
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

function ratesOf({ outcomes }: RunTable): PassRate[] {
	const rates = new Map<string, { -readonly [Key in keyof PassRate]: PassRate[Key] }>();
	for (const { eval: label, target, status, lowest } of outcomes) {
		const key = JSON.stringify([label, target]);
		const rate = rates.get(key) ?? {
			eval: label,
			target,
			passed: 0,
			failed: 0,
			errors: 0,
			errorsByAgent: 0,
			planned: 0,
		};
		rate.planned += 1;
		if (status !== "not_run") rate[status === "error" ? "errors" : status] += 1;
		if (status === "error" && lowest !== undefined) rate.errorsByAgent += 1;
		rates.set(key, rate);
	}
	return [...rates.values()];
}
