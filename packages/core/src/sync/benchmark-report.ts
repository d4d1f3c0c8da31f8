/** `local`: no source. `unknown`: the remote was unreachable. */
export type RevisionState = "local" | "missing" | "synced" | "behind" | "ahead" | "diverged" | "rewritten" | "unknown";

/** The wanted and the present commit. */
export interface Revision {
	readonly state: RevisionState;
	/** Null: the remote's HEAD branch, if that is not known yet. */
	readonly wantedRef: string | null;
	/** The commit of `wantedRef`, if known. */
	readonly wantedSha: string | null;
	/** The checked-out commit. */
	readonly sha: string | null;
	/** First line of its message. */
	readonly subject: string | null;
	/** Commit time, ISO 8601. */
	readonly committedAt: string | null;
	/** Explains the state if necessary. */
	readonly reason: string | null;
}

/** `foreign`: what is at the path is not the source's repository. */
export type WorkTreeState = "clean" | "modified" | "foreign";

export interface WorkTree {
	readonly state: WorkTreeState;
	/** Changed and untracked files, relative to the benchmark; at most 1,000. */
	readonly files: readonly string[];
}

/** The last sync of a benchmark, stored in `$AGENTV_HOME/state/`. */
export interface LastSync {
	/** `running` only while its process is alive. */
	readonly status: "running" | "succeeded" | "failed";
	/** ISO 8601. */
	readonly startedAt: string;
	readonly finishedAt: string | null;
	readonly from: string | null;
	readonly to: string | null;
	readonly message: string;
}

/** A benchmark's source as in the registry: variables unresolved, passwords never shown. */
export interface ShownSource {
	readonly url: string;
	readonly ref: string | null;
}

export interface BenchmarkReport {
	readonly id: string;
	readonly name: string;
	/** Absolute. */
	readonly path: string;
	readonly source: ShownSource | null;
	readonly revision: Revision;
	readonly workTree: WorkTree;
	readonly lastSync: LastSync | null;
	/** What differs, why, and the next action, in one sentence. */
	readonly message: string;
}

/** Result of `list` and `status`. */
export interface BenchmarkReports {
	readonly benchmarks: readonly BenchmarkReport[];
	/** Problems of single registry entries; an entry without a usable id is only here. */
	readonly diagnostics: readonly import("../base/diagnostic.ts").Diagnostic[];
}
