/** How the clone stands to what the registry wants. `local`: no source. `unknown`: the remote was not reached. */
export type RevisionState = "local" | "missing" | "synced" | "behind" | "ahead" | "diverged" | "rewritten" | "unknown";

/** Which commit is wanted and which one is there. */
export interface Revision {
	readonly state: RevisionState;
	/** Branch, tag or SHA that the registry asks for; null: the remote's HEAD branch, where that is not known yet. */
	readonly wantedRef: string | null;
	/** The commit that `wantedRef` stands for, as far as known. */
	readonly wantedSha: string | null;
	/** The commit that is checked out. */
	readonly sha: string | null;
	/** First line of its message. */
	readonly subject: string | null;
	/** When it was committed, ISO 8601. */
	readonly committedAt: string | null;
	/** Why the state is what it is, where that needs a word. */
	readonly reason: string | null;
}

/** `foreign`: what stands at the path is not the repository that the source names. */
export type WorkTreeState = "clean" | "modified" | "foreign";

export interface WorkTree {
	readonly state: WorkTreeState;
	/** Changed and untracked files, relative to the benchmark; at most 1,000 of them. */
	readonly files: readonly string[];
}

/** The last sync of a benchmark, as kept in `$AGENTV_HOME/state/`. */
export interface LastSync {
	/** `running` only while its process lives. */
	readonly status: "running" | "succeeded" | "failed";
	/** ISO 8601. */
	readonly startedAt: string;
	readonly finishedAt: string | null;
	readonly from: string | null;
	readonly to: string | null;
	readonly message: string;
}

/** Where a benchmark comes from, as the registry says it: variables unresolved, passwords never shown. */
export interface ShownSource {
	readonly url: string;
	readonly ref: string | null;
}

/** One benchmark: what the registry says of it and how it stands. */
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

/** Answer of `list` and `status`. */
export interface BenchmarkReports {
	readonly benchmarks: readonly BenchmarkReport[];
	/** What is wrong with single entries of the registry; an entry without a usable id is only here. */
	readonly diagnostics: readonly import("../base/diagnostic.ts").Diagnostic[];
}
