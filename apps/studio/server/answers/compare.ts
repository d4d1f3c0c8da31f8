/** A compared test on a target. */
export interface ComparedCase {
	/** Eval and target as named in the later run, if it has the test. */
	readonly eval: string;
	readonly test_id: string;
	readonly target: string;
	/** Mean over the attempts, before and after; null if none was graded or the run lacks the test. */
	readonly scores: readonly [number | null, number | null];
	/** Ids of the attempts' rows in each run; empty if the run lacks the test. */
	readonly rows: readonly [readonly string[], readonly string[]];
	/** Null if not comparable. */
	readonly delta: number | null;
	/** Changed fingerprint parts; also empty if unknown. */
	readonly parts: readonly string[];
}

/** A later run compared with the first. Numbers only cover comparable tests. */
export interface ComparisonAnswer {
	readonly before: string;
	readonly after: string;
	readonly verdict: "better" | "worse" | "no difference shown" | "nothing to compare";
	/** The figures in words. */
	readonly message: string;
	readonly tests: number;
	/** Mean scores before and after. */
	readonly means: readonly [number, number];
	readonly mean: number;
	/**
	 * The basis of gates: the same with score 0 for tests that the later run's agent kept from being graded. Null if
	 * equal.
	 */
	readonly at_least: {
		readonly message: string;
		readonly mean: number;
		readonly verdict: ComparisonAnswer["verdict"];
	} | null;
	/** 95 % confidence interval of the mean difference; null if there are too few tests. */
	readonly interval: readonly [number, number] | null;
	/** The smallest true difference that this number of tests detects with a power of 80 %. */
	readonly smallest_effect: number | null;
	readonly counts: Readonly<Record<"comparable" | "changed" | "new" | "gone" | "errors", number>>;
	/** Numbers of comparable tests that went up and down. */
	readonly moved: { readonly up: number; readonly down: number };
	/** Number of changed tests by differing part; `unknown`: without fingerprint. */
	readonly changed_parts: Readonly<Record<string, number>>;
	/** Evals and targets with another name in the later run. */
	readonly renamed: readonly (readonly [before: string, after: string])[];
	/** One page of the requested part. */
	readonly cases: {
		readonly part: "comparable" | "changed" | "new" | "gone" | "errors";
		readonly items: readonly ComparedCase[];
		readonly page: number;
		readonly pages: number;
		readonly page_size: number;
		readonly total: number;
	};
}

export interface CompareAnswer {
	readonly runs: readonly {
		readonly id: string;
		readonly experiment: string;
		readonly started_at: string;
		readonly state: "finished" | "unfinished" | "under way";
		/** Tests × targets. */
		readonly planned: number;
		/** Number of tests with results. */
		readonly results: number;
		/** Number of unreadable lines in its record. */
		readonly bad_lines: number;
	}[];
	readonly comparisons: readonly ComparisonAnswer[];
}
