import { AgentvError, findEntry, realPath, targetKind } from "@agentv/core";
import type { StudioOptions } from "./options.ts";
import type { RegistryReader } from "./registry-reader.ts";

/** A directory with evals: a benchmark's, or the one that Studio was started in. */
export interface Place {
	/** First part of its evals' ids; `_` is reserved for Studio's own directory. */
	readonly scope: string;
	/** The benchmark's id; null for Studio's own directory. */
	readonly benchmark: string | null;
	/** Absolute, links resolved. Ids never refer to files outside it. */
	readonly root: string;
	/** Whether it was synced from elsewhere and so written by others. */
	readonly foreign: boolean;
}

export const ownScope = "_";

/**
 * Returns the place of a benchmark, or Studio's own directory for `null` and `_`.
 * @throws AgentvError `not-found` for an unknown benchmark or a missing directory, `config`
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
			hint: entry.source ? "Sync the benchmark first." : "Correct its path in the registry, or remove the entry.",
		});
	return { scope: benchmark, benchmark, root: realPath(entry.path), foreign: entry.source !== undefined };
}
