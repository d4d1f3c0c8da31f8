import { AgentvError } from "../base/agentv-error.ts";
import { readDurations } from "./durations.ts";
import type { PlannedCase, PlannedShard } from "./run-plan.ts";
import type { RunRequest } from "./run-request.ts";
import { assignShards } from "./shards.ts";

interface Sharded {
	/** Of the shard alone, numbered anew; of all without one. */
	readonly cases: readonly PlannedCase[];
	readonly shard?: PlannedShard;
}

/** Takes out of all cases those of the shard that is asked for. There may be none. */
export function planShard(whole: readonly PlannedCase[], request: RunRequest): Sharded {
	if (!request.shard) return { cases: whole };
	const { index, count } = request.shard;
	if (!Number.isInteger(index) || !Number.isInteger(count) || index < 1 || index > count)
		throw new AgentvError("usage", `no shard ${index} of ${count}`);
	const durations = request.durationsFrom === undefined ? undefined : readDurations(request.durationsFrom);
	const recorded = request.recordedShards;
	const assigned = recorded?.assigned ?? assignShards(whole, count, durations);
	if (assigned.length !== whole.length)
		throw new AgentvError("config", "the planned tests or targets have changed since the run started");
	const balancedBy = recorded ? recorded.balancedBy : durations?.runId;
	const shard = { index, count, whole, assigned, ...(balancedBy === undefined ? {} : { balancedBy }) };
	return { cases: renumbered(whole.filter((_, position) => assigned[position] === index)), shard };
}

/** Returns some cases of a plan with positions of their own. Dependencies on cases that are not among them are dropped. */
export function renumbered(chosen: readonly PlannedCase[]): PlannedCase[] {
	const positions = new Map(chosen.map(({ index }, position) => [index, position]));
	return chosen.map((planned, index) => ({
		...planned,
		index,
		dependsOn: planned.dependsOn.flatMap((dependency) => positions.get(dependency) ?? []),
	}));
}

/** How many tests × targets each shard of a plan has. */
export function shardSizes(cases: readonly PlannedCase[], count: number, durationsFrom?: string): number[] {
	const durations = durationsFrom === undefined ? undefined : readDurations(durationsFrom);
	const sizes = Array.from({ length: count }, () => 0);
	for (const shard of assignShards(cases, count, durations)) sizes[shard - 1] = (sizes[shard - 1] ?? 0) + 1;
	return sizes;
}
