import { join } from "node:path";
import { listEntry } from "../io/files/list-entry.ts";
import { lockHolder } from "../io/files/lock.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { treeSize } from "../io/files/tree-size.ts";
import { mirrorsPlace } from "../model/home-places.ts";
import { isSetUp, mirrorSource, mirrorUser, usedMark } from "../workspace/repositories/mirror-notes.ts";
import type { CacheItem, CacheItemState } from "./cache-item.ts";
import type { LookOptions } from "./look-options.ts";
import { foreignItem, openPlace } from "./places.ts";

/** The mirrors of repositories. */
export async function lookMirrors({ home, ...limits }: LookOptions): Promise<CacheItem[]> {
	const place = openPlace("mirror", home, mirrorsPlace(home));
	if ("foreign" in place) return [place.foreign];
	const items: CacheItem[] = [];
	for (const [name, kind] of place.entries) {
		if (!/^[0-9a-f]{32}\.git$/.test(name)) continue;
		const path = join(place.path, name);
		if (kind !== "directory") {
			items.push(foreignItem("mirror", path, kind === "link" ? "it is a link" : "it is not a directory"));
			continue;
		}
		const { bytes } = await treeSize(path, limits);
		const source = mirrorSource(path);
		const usedAt = lastUse(path);
		items.push({ kind: "mirror", path, bytes, usedAt, state: stateOf(path), ...(source ? { name: source } : {}) });
	}
	return items;
}

/** When a mirror was last of use. */
export function lastUse(mirror: string): number {
	const mark = join(mirror, usedMark);
	return pathKind(mark) === "directory" ? listEntry(mark).mtimeMs : 0;
}

function stateOf(mirror: string): CacheItemState {
	const pid = lockHolder(mirror) ?? mirrorUser(mirror);
	if (pid !== undefined) return { is: "in-use", pid };
	// What a killed process only began.
	return { is: isSetUp(mirror) ? "idle" : "left" };
}
