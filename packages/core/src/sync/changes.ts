import type { Seen } from "./observe.ts";
import type { SyncChanges } from "./sync-types.ts";
import type { UpdateSettings } from "./update-clone.ts";

/** What moving the clone to the wanted commit changes; null where no file does. */
export async function describeChanges(
	seen: Seen,
	_path: string,
	_settings: UpdateSettings,
): Promise<SyncChanges | null> {
	const { incoming, observation } = seen;
	if (incoming.length === 0) return null;
	const relation = observation.clone?.relation;
	const isBranch = "wanted" in observation.remote && observation.remote.wanted.kind === "branch";
	return {
		commits: isBranch && relation ? relation.behind : null,
		added: incoming.flatMap(({ path, before }) => (before ? [] : [path])),
		changed: incoming.flatMap(({ path, before, after }) => (before && after ? [path] : [])),
		removed: incoming.flatMap(({ path, after }) => (after ? [] : [path])),
		evals: [],
		executes: [],
	};
}
