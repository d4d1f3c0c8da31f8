import type { RemoteProblem, Wanted } from "./look-remote.ts";
import type { Relation } from "./relation.ts";

/** Everything a plan depends on, as plain data. */
export interface Observation {
	readonly id: string;
	/** As the user knows it; for sentences. */
	readonly path: string;
	readonly disk: "missing" | "empty" | "foreign" | "clone";
	/** For `foreign`: what stands there, a sentence without a full stop. */
	readonly foreign: string | undefined;
	readonly remote: { readonly wanted: Wanted } | { readonly problem: RemoteProblem };
	/** Present for a clone. */
	readonly clone: CloneState | undefined;
}

export interface CloneState {
	readonly branch: string | undefined;
	readonly sha: string | undefined;
	/** The commit of the last sync, and its ref (`refs/heads/main`, or a SHA). */
	readonly base: string | undefined;
	readonly syncedRef: string | undefined;
	/** `remote.origin.url` is not the registry's any more. */
	readonly urlChanged: boolean;
	/** For a changed URL: whether both serve the same history. */
	readonly sameHistory: boolean;
	readonly underWay: string | undefined;
	/** A configuration key that would run a program when the remote is asked. */
	readonly refusedKey: string | undefined;
	/** HEAD against the wanted commit; undefined where that is not here. */
	readonly relation: Relation | undefined;
	/** Whether the wanted branch exists here, is not checked out, and has commits of its own. */
	readonly targetHasLocalCommits: boolean;
	/** Paths that differ from HEAD; looked at only where files would change. */
	readonly edits: readonly Edit[];
	/** Paths that differ between HEAD and the wanted commit. */
	readonly incoming: readonly string[];
}

export interface Edit {
	readonly path: string;
	readonly isTracked: boolean;
}
