import type { Environment } from "../io/environment.ts";

/** How one benchmark's sync ended. `current`: nothing to do. `skipped`: a local one that was not named. */
export type SyncOutcome = "synced" | "current" | "skipped" | "refused" | "failed";

/** Something that the next run will execute and that this sync changed or brought. */
export interface ExecutableChange {
	readonly kind: "hook" | "grader" | "extension" | "target" | "command";
	/** The command line, or the path relative to the benchmark. */
	readonly what: string;
	/** The eval that runs it, relative to the benchmark. */
	readonly eval: string;
	/** `added`: it is new; `changed`: its file or text differs. */
	readonly change: "added" | "changed";
}

/** An eval that the change touches. */
export interface TouchedEval {
	/** Relative to the benchmark. */
	readonly file: string;
	readonly change: "added" | "changed" | "removed";
	/** Ids of its tests that differ, or that use a changed file. */
	readonly tests: readonly string[];
}

/** What a sync changes, or (in a preview) would change. */
export interface SyncChanges {
	/** How many commits lie between; null where the history is not known (pinned tags and SHAs). */
	readonly commits: number | null;
	readonly added: readonly string[];
	readonly changed: readonly string[];
	readonly removed: readonly string[];
	readonly evals: readonly TouchedEval[];
	readonly executes: readonly ExecutableChange[];
}

/** What a sync will do with a benchmark. */
export type SyncAction = "clone" | "update" | "move" | "adopt" | "none" | "skip" | "refuse";

/** A plan: what would be done, and why. The dry run and Studio's preview print it; apply carries it out. */
export interface SyncPlan {
	readonly id: string;
	/** `update`: fast-forward; `move`: another ref or URL; `adopt`: a rewritten upstream, by `reset`. */
	readonly action: SyncAction;
	readonly from: string | null;
	readonly to: string | null;
	/** One sentence. */
	readonly message: string;
	/** Null where nothing would change, and for a missing clone, of which only the revision is known. */
	readonly changes: SyncChanges | null;
}

export interface SyncResult {
	readonly id: string;
	readonly outcome: SyncOutcome;
	readonly from: string | null;
	readonly to: string | null;
	/** What was done, or why not and what the user can do. */
	readonly message: string;
	/** Local edits that are still there after a sync, relative to the benchmark: the revision is then not clean. */
	readonly edits: readonly string[];
	/** Null where no file changed, and for a first clone. */
	readonly changes: SyncChanges | null;
}

/** What happens during a sync, in order for each benchmark; `outcome` comes once, last. */
export type SyncEvent =
	| { readonly type: "started"; readonly id: string }
	/** Another process (of that id) syncs the same directory; this one waits. */
	| { readonly type: "waiting"; readonly id: string; readonly pid: number }
	/** The remains of an interrupted sync were put right. */
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
	/** Which benchmarks; default: every git-backed one. */
	readonly ids?: readonly string[] | undefined;
	/** Adopt a rewritten upstream where no local work would be lost. */
	readonly reset?: boolean | undefined;
	/** How many benchmarks at once. Default 3. */
	readonly concurrency?: number | undefined;
	/** Time for each command that talks to a remote. Default 600,000. */
	readonly timeoutMs?: number | undefined;
	/** How long to wait for another sync of the same directory. Default: as `timeoutMs`. */
	readonly waitMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}
