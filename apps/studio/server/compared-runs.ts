import {
	type ComparedRun,
	type Comparison,
	compareRuns,
	type FingerprintPart,
	readComparedRun,
	runStamps,
} from "@agentv/core";

/** Cache size in test cases; the most recently read runs are always kept. */
const keptCases = 50_000;
const keptComparisons = 6;

interface Kept {
	readonly stamp: string;
	readonly run: ComparedRun;
}

/** Caches runs and their comparisons, so that paging does not compute them again. */
export class ComparedRuns {
	readonly #runs = new Map<string, Kept>();
	readonly #comparisons = new Map<string, { readonly of: readonly ComparedRun[]; readonly comparison: Comparison }>();

	/** Reads a run again if it has changed. @throws AgentvError `not-found`, `config` */
	run(directory: string): ComparedRun {
		const { run, rows } = runStamps(directory);
		const stamp = `${run} ${rows}`;
		const known = this.#runs.get(directory);
		this.#runs.delete(directory);
		const entry = known?.stamp === stamp ? known : { stamp, run: readComparedRun(directory) };
		this.#runs.set(directory, entry);
		this.#forgetOldest();
		return entry.run;
	}

	compare(before: ComparedRun, after: ComparedRun, vary: readonly FingerprintPart[]): Comparison {
		const key = JSON.stringify([before.directory, after.directory, [...vary].sort()]);
		const known = this.#comparisons.get(key);
		this.#comparisons.delete(key);
		const isFresh = known?.of[0] === before && known.of[1] === after;
		const entry = isFresh
			? known
			: { of: [before, after], comparison: compareRuns(before.cases, after.cases, new Set(vary)) };
		this.#comparisons.set(key, entry);
		const [oldest] = this.#comparisons.keys();
		if (this.#comparisons.size > keptComparisons && oldest !== undefined) this.#comparisons.delete(oldest);
		return entry.comparison;
	}

	/** Keeps at least two runs regardless of their size, because a page is showing them. */
	#forgetOldest(): void {
		let cases = 0;
		for (const [index, [directory, { run }]] of [...this.#runs].reverse().entries()) {
			cases += run.cases.length;
			if (index < 2 || cases <= keptCases) continue;
			this.#runs.delete(directory);
			for (const [key, { of }] of this.#comparisons) if (of.includes(run)) this.#comparisons.delete(key);
		}
	}
}
