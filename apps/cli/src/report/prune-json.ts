import type { CacheItem, PruneResult } from "@agentv/core";
import type { CommandResult } from "../context.ts";

/** Schema: docs/schemas/cache-output.schema.json. */
export function pruneJson({ removed, kept, failed }: PruneResult, dryRun: boolean): CommandResult {
	const document = {
		dry_run: dryRun,
		freed_bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0),
		removed: removed.map(itemJson),
		kept: kept.map(({ item, reason }) => ({ ...itemJson(item), reason })),
		failed: failed.map(({ item, message }) => ({ ...itemJson(item), message })),
	};
	return { text: `${JSON.stringify(document, null, 2)}\n`, exitCode: failed.length > 0 ? 1 : 0 };
}

function itemJson({ kind, path, name, bytes, usedAt, state }: CacheItem) {
	return {
		kind,
		path,
		name: name ?? null,
		bytes,
		// Unknown for what killed processes left unfinished.
		used_at: usedAt === 0 ? null : new Date(usedAt).toISOString(),
		left_behind: state.is === "left",
		pid: state.is === "in-use" && state.pid > 0 ? state.pid : null,
	};
}
