import { join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { isLocked } from "../../io/files/lock.ts";
import { pathKind, realPath } from "../../io/files/stat-path.ts";
import { readRunFile, readSummary } from "../../model/result-files.ts";
import type { ResultRow } from "../../schema/result-row.ts";
import type { PlannedTest, RunFile, ShardRecord } from "../../schema/run-file.ts";
import { isFinished } from "../run-state.ts";
import { type RecordedRow, StoredRows } from "../stored-rows.ts";

/** A run that is to be merged. */
export interface MergePart {
	/** Real, absolute. */
	readonly directory: string;
	/** As the user named it. */
	readonly name: string;
	readonly run: RunFile;
	/** Every test of the whole that it is a part of. */
	readonly whole: readonly PlannedTest[];
	/** How these are divided among shards, if they are. */
	readonly sharding: ShardRecord | undefined;
	readonly rows: readonly RecordedRow[];
	/** Numbers of lines of its index that are no rows. */
	readonly badLines: readonly number[];
	/** Whether it came to its end, and so has a digest of its whole record. */
	readonly isFinished: boolean;
	/** Milliseconds; 0 where it was killed before it could say so. */
	readonly durationMs: number;
}

/**
 * Reads a part whole. A last line that a crash cut off is passed by.
 * @throws AgentvError `not-found` where there is no run, `refused` for one that is under way or whose files are links
 */
export function readPart(directory: string, name: string): MergePart {
	for (const file of ["run.json", "index.jsonl", "summary.json", "tests"])
		if (pathKind(join(directory, file)) === "link") throw new AgentvError("refused", `${join(name, file)} is a link`);
	const run = readRunFile(directory);
	if (isLocked(directory, { lockDirectory: directory }))
		throw new AgentvError("refused", `${name} belongs to a run in progress`, {
			hint: "Merge it after it has finished. A run that was killed on another machine is detected after a minute.",
		});
	const stored = new StoredRows(directory);
	const rows = [...stored.recorded()];
	const summary = readSummary(directory);
	return {
		isFinished: isFinished(summary),
		...{ directory: realPath(directory), name, run, rows, badLines: stored.badLines },
		whole: run.whole ?? run.planned,
		sharding: run.shard,
		durationMs: summary?.durationMs ?? 0,
	};
}

/** Ids of the runs that a part is, and was put together from. */
export function runIdsOf({ run }: MergePart): string[] {
	return [run.runId, ...(run.merged ?? []).map(({ runId }) => runId)];
}

/** In an order that does not depend on that in which they were named: by shard, then by when they began. */
export function inPartOrder(parts: readonly MergePart[]): MergePart[] {
	const key = ({ run }: MergePart) => [run.shard?.index ?? Number.POSITIVE_INFINITY, run.startedAt, run.runId] as const;
	return [...parts].sort((one, other) => compareKeys(key(one), key(other)));
}

function compareKeys(one: readonly (string | number)[], other: readonly (string | number)[]): number {
	for (const [position, left] of one.entries()) {
		const right = other[position] ?? left;
		if (left !== right) return left < right ? -1 : 1;
	}
	return 0;
}

/** What names an attempt for people and programs. */
export type AttemptName = Pick<ResultRow, "eval" | "testId" | "target" | "attempt">;
