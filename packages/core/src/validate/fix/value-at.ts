import type { DocumentPath } from "../../base/diagnostic.ts";

/** What stands at `path` below `value`; undefined where the path leads nowhere. */
export function valueAt(value: unknown, path: DocumentPath): unknown {
	let at = value;
	for (const key of path)
		at = typeof at === "object" && at !== null ? (at as Record<string | number, unknown>)[key] : undefined;
	return at;
}
