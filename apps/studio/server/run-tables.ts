import { readRunTable, runStamps, type TableRow } from "@agentv/core";

/** The pass rate of one eval on one target in one run. */
export interface PassRate {
	readonly eval: string;
	readonly target: string;
	readonly passed: number;
	readonly failed: number;
	readonly errors: number;
}

/** So many rows are kept over all runs; the table that was read last always is. */
const keptRows = 60_000;
const keptRates = 5000;

interface Kept<Value> {
	readonly stamp: string;
	readonly value: Value;
}

/** Rows of runs, read again where they have changed. */
export class RunTables {
	readonly #tables = new Map<string, Kept<readonly TableRow[]>>();
	readonly #rates = new Map<string, Kept<readonly PassRate[]>>();

	rows(directory: string): readonly TableRow[] {
		const stamp = runStamps(directory).rows ?? "none";
		const known = this.#tables.get(directory);
		this.#tables.delete(directory);
		const kept = known?.stamp === stamp ? known : { stamp, value: readRunTable(directory) };
		this.#tables.set(directory, kept);
		this.#forgetOldest();
		return kept.value;
	}

	/** Attempts by eval and target. */
	rates(directory: string): readonly PassRate[] {
		const stamp = runStamps(directory).rows ?? "none";
		const known = this.#rates.get(directory);
		if (known?.stamp === stamp) return known.value;
		// Not through `rows`: the history of a thousand runs must not push out the table that somebody looks at.
		const value = ratesOf(readRunTable(directory));
		this.#rates.set(directory, { stamp, value });
		const [oldest] = this.#rates.keys();
		if (this.#rates.size > keptRates && oldest !== undefined) this.#rates.delete(oldest);
		return value;
	}

	#forgetOldest(): void {
		let rows = 0;
		for (const [directory, { value }] of [...this.#tables].reverse()) {
			if (rows > 0 && rows + value.length > keptRows) this.#tables.delete(directory);
			rows += value.length;
		}
	}
}

function ratesOf(rows: readonly TableRow[]): PassRate[] {
	const rates = new Map<string, { eval: string; target: string; passed: number; failed: number; errors: number }>();
	for (const { eval: label, target, status } of rows) {
		const key = JSON.stringify([label, target]);
		const rate = rates.get(key) ?? { eval: label, target, passed: 0, failed: 0, errors: 0 };
		rate[status === "ok" ? "passed" : status === "quality_failure" ? "failed" : "errors"] += 1;
		rates.set(key, rate);
	}
	return [...rates.values()];
}
