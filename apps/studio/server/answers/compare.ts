/** A test on a target, as comparisons name it. */
export interface ComparedCase {
	readonly eval: string;
	readonly test_id: string;
	readonly target: string;
	/** Of each run, in the order of `runs`; null where it has none. */
	readonly scores: readonly (number | null)[];
	/** Rows of the runs' tables that its answers stand in (their first attempts); null where a run has none. */
	readonly rows: readonly (string | null)[];
}

/** A later run beside the first. Numbers are about comparable tests alone. */
export interface ComparisonAnswer {
	readonly before: string;
	readonly after: string;
	readonly verdict: "better" | "worse" | "no difference shown" | "nothing to compare";
	/** The figures in words. */
	readonly message: string;
	readonly tests: number;
	readonly mean: number;
	/** 95 % interval of the mean difference; null where the tests are too few. */
	readonly interval: readonly [number, number] | null;
	/** The smallest true difference that so many tests would have shown. */
	readonly smallest_effect: number | null;
	readonly counts: Readonly<Record<"comparable" | "changed" | "new" | "gone" | "errors", number>>;
	/** The tests of the part that was asked for, a page of them. */
	readonly cases: {
		readonly part: "comparable" | "changed" | "new" | "gone" | "errors";
		readonly items: readonly (ComparedCase & { readonly delta: number | null; readonly parts: readonly string[] })[];
		readonly page: number;
		readonly pages: number;
		readonly page_size: number;
		readonly total: number;
	};
}

export interface CompareAnswer {
	readonly runs: readonly { readonly id: string; readonly experiment: string; readonly started_at: string }[];
	readonly comparisons: readonly ComparisonAnswer[];
}
