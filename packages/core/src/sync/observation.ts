import type { RemoteProblem, Wanted } from "./look-remote.ts";
import type { Relation } from "./relation.ts";

/** Everything that a plan depends on, as plain data. */
export interface Observation {
	readonly id: string;
	/** As the user knows it; for messages. */
	readonly path: string;
	readonly disk: "missing" | "empty" | "foreign" | "clone";
	/** For `foreign`: what is there, a sentence without a full stop. */
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
	/** `remote.origin.url` differs from the registry's. */
	readonly urlChanged: boolean;
	/** For a changed URL: whether both have the same history. */
	readonly sameHistory: boolean;
	readonly underWay: string | undefined;
	/** A configuration key that would run a program on remote access. */
	readonly refusedKey: string | undefined;
	/** HEAD against the wanted commit; undefined if that is not available. */
	readonly relation: Relation | undefined;
	/** Whether the wanted branch exists here, is not checked out, and has its own commits. */
	readonly targetHasLocalCommits: boolean;
	/** Paths that differ from HEAD; only checked if files would change. */
	readonly edits: readonly Edit[];
	/** Paths that differ between HEAD and the wanted commit. */
	readonly incoming: readonly string[];
}

export interface Edit {
	readonly path: string;
	readonly isTracked: boolean;
}
