import type { Environment } from "../machine/environment.ts";

/** `current`: nothing to do. `skipped`: a local one that was not specified. */
export type SyncOutcome = "synced" | "current" | "skipped" | "refused" | "failed";

/** A program that the next run executes and that this sync changed or added. */
export interface ExecutableChange {
	readonly kind: "hook" | "grader" | "extension" | "target" | "command";
	/** The command line, or the path relative to the benchmark. */
	readonly what: string;
	/** The eval that runs it, relative to the benchmark. */
	readonly eval: string;
	/** `added`: it is new; `changed`: its file or text differs. */
	readonly change: "added" | "changed";
}

/** An affected eval. */
export interface TouchedEval {
	/** Relative to the benchmark. */
	readonly file: string;
	readonly change: "added" | "changed" | "removed";
	/** Ids of its tests that differ, or that use a changed file. */
	readonly tests: readonly string[];
}

/** The changes of a sync or its preview. */
export interface SyncChanges {
	/** Number of commits in between; null if the history is unknown (pinned tags and SHAs). */
	readonly commits: number | null;
	readonly added: readonly string[];
	readonly changed: readonly string[];
	readonly removed: readonly string[];
	readonly evals: readonly TouchedEval[];
	readonly executes: readonly ExecutableChange[];
}

export type SyncAction = "clone" | "update" | "move" | "adopt" | "none" | "skip" | "refuse";

/** What would be done, and why. The dry run and Studio's preview print it; the sync applies it. */
export interface SyncPlan {
	readonly id: string;
	/** `adopt`: a rewritten upstream, by `reset`. */
	readonly action: SyncAction;
	readonly from: string | null;
	readonly to: string | null;
	/** One sentence. */
	readonly message: string;
	/** Null if nothing would change, and for a missing clone, of which only the revision is known. */
	readonly changes: SyncChanges | null;
}

export interface SyncResult {
	readonly id: string;
	readonly outcome: SyncOutcome;
	readonly from: string | null;
	readonly to: string | null;
	/** What was done, or why not and what the user can do. */
	readonly message: string;
	/** Relative to the benchmark. If there are any, the revision is not clean. */
	readonly edits: readonly string[];
	/** Null if no file changed, and for a first clone. */
	readonly changes: SyncChanges | null;
}

/** Events of a sync, in order for each benchmark; `outcome` comes once, last. */
export type SyncEvent =
	| { readonly type: "started"; readonly id: string }
	/** Another process syncs the same directory; this one waits. */
	| { readonly type: "waiting"; readonly id: string; readonly pid: number }
	/** An interrupted sync was recovered. */
	| { readonly type: "recovered"; readonly id: string; readonly message: string }
	/** `phase` as git names it: `Receiving objects`; percent 0 to 100. */
	| {
			readonly type: "progress";
			readonly id: string;
			readonly phase: string;
			readonly percent: number;
			readonly done: number;
			readonly total: number;
	  }
	| { readonly type: "planned"; readonly id: string; readonly plan: SyncPlan }
	| { readonly type: "finished"; readonly id: string; readonly result: SyncResult }
	| { readonly type: "outcome"; readonly results: readonly SyncResult[]; readonly interrupted: boolean };

export interface SyncOptions {
	readonly env: Environment;
	/** Default: every git-backed one. */
	readonly ids?: readonly string[] | undefined;
	/** Adopt a rewritten upstream if no local work would be lost. */
	readonly reset?: boolean | undefined;
	/** Concurrent benchmarks. Default 3. */
	readonly concurrency?: number | undefined;
	/** Per remote command. Default 600,000. */
	readonly timeoutMs?: number | undefined;
	/** How long to wait for another sync of the same directory. Default: `timeoutMs`. */
	readonly waitMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface StatusOptions {
	readonly env: Environment;
	/** Default: all. */
	readonly ids?: readonly string[] | undefined;
	/** Compare with the last known state of the remote, offline. */
	readonly offline?: boolean | undefined;
	/** Per remote command. Default 60,000. */
	readonly timeoutMs?: number | undefined;
	/** Concurrent benchmarks. Default 4. */
	readonly concurrency?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}
