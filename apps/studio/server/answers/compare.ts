/** A test on a target, as comparisons name it. */
export interface ComparedCase {
	/** Eval and target as the later run names them, where it has the test. */
	readonly eval: string;
	readonly test_id: string;
	readonly target: string;
	/** Mean over the attempts, before and after; null where none could be judged or a run has no such test. */
	readonly scores: readonly [number | null, number | null];
	/** Rows of the runs' tables that its answers stand in, one an attempt; empty where a run has none. */
	readonly rows: readonly [readonly string[], readonly string[]];
	/** Null where it can't be compared. */
	readonly delta: number | null;
	/** What was changed; empty also where nobody knows. */
	readonly parts: readonly string[];
}

/** A later run beside the first. Numbers are about comparable tests alone. */
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
	/** What gates decide by: the same with 0 for what the later run's agent kept from being judged. Null if that changes nothing. */
	readonly at_least: {
		readonly message: string;
		readonly mean: number;
		readonly verdict: ComparisonAnswer["verdict"];
	} | null;
	/** 95 % interval of the mean difference; null where the tests are too few. */
	readonly interval: readonly [number, number] | null;
	/** The smallest true difference that so many tests show four times out of five. */
	readonly smallest_effect: number | null;
	readonly counts: Readonly<Record<"comparable" | "changed" | "new" | "gone" | "errors", number>>;
	/** How many comparable tests went up and down. */
	readonly moved: { readonly up: number; readonly down: number };
	/** In how many changed tests a part differs; `unknown`: without fingerprint. */
	readonly changed_parts: Readonly<Record<string, number>>;
	/** Evals and targets that the later run calls otherwise. */
	readonly renamed: readonly (readonly [before: string, after: string])[];
	/** The tests of the part that was asked for, a page of them. */
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
		/** Of how many of them there are results. */
		readonly results: number;
		/** Lines of its record that can't be read. */
		readonly bad_lines: number;
	}[];
	readonly comparisons: readonly ComparisonAnswer[];
}
