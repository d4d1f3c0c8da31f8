import { join } from "node:path";

// What stands where below `$AGENTV_HOME`, for those who fill these places and those who tidy them up.

/** Mirrors of repositories, one bare repository each. */
export function mirrorsPlace(home: string): string {
	return join(home, "cache", "git");
}

/** Answers of language models, `<two digits>/<sha-256>.json`. */
export function callsPlace(home: string): string {
	return join(home, "cache");
}

/** Workspaces of runs, by their run's id. */
export function workspacesPlace(home: string): string {
	return join(home, "workspaces");
}

/** Clones of benchmarks, where their entry names no other place. */
export function benchmarksPlace(home: string): string {
	return join(home, "benchmarks");
}

/** Results of benchmarks and bundles. */
export function resultsPlace(home: string): string {
	return join(home, "results");
}

/** Directories in which clones are made, beside where they go, begin with this. */
export const workshopPrefix = ".agentv-clone-";
