import { join } from "node:path";

// Directories below `$AGENTV_HOME`, for the code that fills them and the code that prunes them.

export function mirrorsPlace(home: string): string {
	return join(home, "cache", "git");
}

/** Cached model responses, `<two digits>/<sha-256>.json`. */
export function callsPlace(home: string): string {
	return join(home, "cache");
}

/** Workspaces by run id. */
export function workspacesPlace(home: string): string {
	return join(home, "workspaces");
}

/** Clones of benchmarks whose entries have no path. */
export function benchmarksPlace(home: string): string {
	return join(home, "benchmarks");
}

export function resultsPlace(home: string): string {
	return join(home, "results");
}

/** Prefix of the directories next to the target in which clones are created. */
export const workshopPrefix = ".agentv-clone-";
