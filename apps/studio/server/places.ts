import { AgentvError, findEntry, realPath, targetKind } from "@agentv/core";
import type { StudioOptions } from "./options.ts";
import type { RegistryReader } from "./registry-reader.ts";

/** A directory whose evals are shown: a benchmark's, or the one that Studio was started in. */
export interface Place {
	/** First part of its evals' ids. No benchmark is called `_`. */
	readonly scope: string;
	/** The benchmark's id; null: Studio's own directory. */
	readonly benchmark: string | null;
	/** Absolute, links resolved. Nothing outside of it is reached by an id. */
	readonly root: string;
	/** It comes from elsewhere: what is in it was written by others. */
	readonly foreign: boolean;
}

export const ownScope = "_";

/**
 * The place of a benchmark, or Studio's own directory for `null` and `_`.
 * @throws AgentvError `not-found` for an unknown benchmark or one whose directory is not there (yet), `config`
 */
export function placeOf(
	benchmark: string | null,
	{ options: { cwd }, registry }: { readonly options: Pick<StudioOptions, "cwd">; readonly registry: RegistryReader },
): Place {
	if (benchmark === null || benchmark === ownScope)
		return { scope: ownScope, benchmark: null, root: realPath(cwd), foreign: false };
	const entry = findEntry(registry.read(), benchmark);
	if (entry.problem !== undefined && !entry.source) throw new AgentvError("config", entry.problem);
	if (targetKind(entry.path) !== "directory")
		throw new AgentvError("not-found", `the directory of ${benchmark}, ${entry.path}, does not exist`, {
			hint: entry.source ? "sync the benchmark first" : "fix its path in the registry, or remove the entry",
		});
	return { scope: benchmark, benchmark, root: realPath(entry.path), foreign: entry.source !== undefined };
}
