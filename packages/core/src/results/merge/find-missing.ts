import { isDecided, missingAttempts } from "../../grading/case-result.ts";
import type { Repeat } from "../../model/eval-types.ts";
import type { PlannedTest } from "../../schema/run-file.ts";
import type { MergedCase } from "./collate-rows.ts";
import type { MergePart } from "./merge-part.ts";

/** A planned test × target without all its results. */
export interface MissingTest {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** Attempts without a result; where a test stops early once it is decided, the next one. */
	readonly attempts: readonly number[];
	/** Which shard it is in. */
	readonly shard?: number;
}

export interface Missing {
	/** Shards that were not there, and whose tests none of the other runs has. */
	readonly shards: readonly number[];
	/** In the order of the plan. */
	readonly tests: readonly MissingTest[];
}

/** What is left to be run. */
export function findMissing(parts: readonly MergePart[], cases: readonly MergedCase[]): Missing {
	const sharding = parts[0]?.sharding;
	const there = new Set(
		parts.flatMap(({ run }) => [run.shard?.index, ...(run.merged ?? []).map(({ shard }) => shard)]),
	);
	const tests = cases.flatMap((one, position): MissingTest[] => {
		const repeat = repeatOf(one.planned);
		const rows = one.rows.map(({ row }) => row);
		if (isDecided(rows, repeat)) return [];
		const left = missingAttempts(new Set(rows.map(({ attempt }) => attempt)), repeat.count);
		const shard = sharding?.assigned[position];
		const [, testId, target] = one.planned;
		const attempts = repeat.earlyExit ? left.slice(0, 1) : left;
		return [{ eval: one.eval, testId, target, attempts, ...(shard === undefined ? {} : { shard }) }];
	});
	const absent = tests.flatMap(({ shard }) => (shard === undefined || there.has(shard) ? [] : [shard]));
	return { shards: [...new Set(absent)].sort((one, other) => one - other), tests };
}

export function repeatOf([, , , repeat]: PlannedTest): Repeat {
	return repeat ?? { count: 1, strategy: "mean", earlyExit: false };
}
