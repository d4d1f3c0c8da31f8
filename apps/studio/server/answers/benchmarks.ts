import type { SyncChanges, SyncEvent, SyncPlan, SyncResult } from "@agentv/core";
import type { Page } from "../request.ts";

/** A benchmark's source as written in the registry: variables unresolved, user parts of URLs removed. */
export interface SourceAnswer {
	readonly url: string;
	readonly ref: string | null;
}

export interface LastSyncAnswer {
	readonly status: "running" | "succeeded" | "failed";
	/** ISO 8601. */
	readonly started_at: string;
	readonly finished_at: string | null;
	readonly from: string | null;
	readonly to: string | null;
	readonly message: string;
}

/** A registry entry, from registry and state files only, without calling git. */
export interface BenchmarkAnswer {
	readonly id: string;
	readonly name: string;
	/** Absolute. */
	readonly path: string;
	/** Null for a local directory, which can't be synced. */
	readonly source: SourceAnswer | null;
	/** Why it can't be used, in one sentence. */
	readonly problem: string | null;
	readonly last_sync: LastSyncAnswer | null;
	/** The running sync job. */
	readonly job: string | null;
}

export interface BenchmarkListAnswer extends Page<BenchmarkAnswer> {
	/** Path of `benchmarks.yaml`. */
	readonly registry: string;
	/** Invalid entries; those without a valid id appear only here. */
	readonly problems: readonly {
		readonly message: string;
		readonly hint: string | null;
		readonly line: number | null;
	}[];
}

/** The independent status badges of a benchmark. */
export interface BenchmarkMarks {
	readonly id: string;
	readonly revision: {
		readonly state: "local" | "missing" | "synced" | "behind" | "ahead" | "diverged" | "rewritten" | "unknown";
		readonly wanted_ref: string | null;
		readonly wanted_sha: string | null;
		readonly sha: string | null;
		readonly subject: string | null;
		readonly committed_at: string | null;
		readonly reason: string | null;
	};
	readonly work_tree: {
		readonly state: "clean" | "modified" | "foreign";
		/** At most 100 of them. */
		readonly files: readonly string[];
		readonly total: number;
	};
	/** Number of evals in it. */
	readonly evals: number;
	/** What differs, why, and the next action, in one sentence. */
	readonly message: string;
}

/** Events of `GET /api/benchmarks/marks` and of a status job. */
export type BenchmarkMarkEvent = { readonly type: "marks"; readonly marks: BenchmarkMarks } | { readonly type: "end" };

/** At most 500 paths of each kind are listed; `totals` counts all. */
export interface ChangesAnswer extends SyncChanges {
	readonly totals: { readonly added: number; readonly changed: number; readonly removed: number };
}

export interface SyncPlanAnswer extends Omit<SyncPlan, "changes"> {
	readonly changes: ChangesAnswer | null;
}

export interface SyncResultAnswer extends Omit<SyncResult, "changes"> {
	readonly changes: ChangesAnswer | null;
}

/** Events of a sync job. */
export type SyncEventAnswer =
	| Exclude<SyncEvent, { type: "planned" | "finished" | "outcome" }>
	| { readonly type: "planned"; readonly id: string; readonly plan: SyncPlanAnswer }
	| { readonly type: "finished"; readonly id: string; readonly result: SyncResultAnswer }
	| { readonly type: "outcome"; readonly results: readonly SyncResultAnswer[]; readonly interrupted: boolean };
