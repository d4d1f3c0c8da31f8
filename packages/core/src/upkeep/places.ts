import { join, relative, sep } from "node:path";
import { directoryEntries } from "../io/files/directory-entries.ts";
import { pathKind, realPath } from "../io/files/stat-path.ts";
import type { CacheItem, CacheKind } from "./cache-item.ts";

/** What a place of ours holds: its real path and entries; an item instead where a link leads away from it. */
export type Place =
	| { readonly path: string; readonly entries: ReadonlyMap<string, string> }
	| { readonly foreign: CacheItem };

/** Looks into `place`, below `home`, where no link is followed: what it leads to may be anything. Nothing there is an empty place. */
export function openPlace(kind: CacheKind, home: string, place: string): Place {
	let path = realPath(home);
	for (const part of relative(home, place).split(sep)) {
		path = join(path, part);
		if (pathKind(path) === "link") return { foreign: foreignItem(kind, path, "it is a link") };
	}
	return { path, entries: directoryEntries(path) ?? new Map() };
}

export function foreignItem(kind: CacheKind, path: string, reason: string): CacheItem {
	return { kind, path, bytes: 0, usedAt: 0, state: { is: "foreign", reason } };
}
