import type { TreeEntry } from "./list-tree.ts";

/** Returns the paths of the directories among `entries` that are empty. */
export function emptyDirectories(entries: readonly TreeEntry[]): string[] {
	const filled = new Set<string>();
	for (const { path } of entries) {
		const slash = path.lastIndexOf("/");
		if (slash > 0) filled.add(path.slice(0, slash));
	}
	return entries.flatMap(({ kind, path }) => (kind === "directory" && !filled.has(path) ? [path] : []));
}
