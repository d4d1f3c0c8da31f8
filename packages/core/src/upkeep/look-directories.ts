import { join } from "node:path";
import { directoryEntries } from "../io/files/directory-entries.ts";
import { listEntry } from "../io/files/list-entry.ts";
import { directoryOwner } from "../io/files/owner-note.ts";
import { stagedState } from "../io/files/staged-files.ts";
import { systemTempDir } from "../io/files/temp-dir.ts";
import { treeSize } from "../io/files/tree-size.ts";
import { benchmarksPlace, workspacesPlace } from "../model/home-places.ts";
import type { CacheItem, CacheItemState, CacheKind } from "./cache-item.ts";
import type { LookOptions } from "./look-options.ts";
import { foreignItem, openPlace } from "./places.ts";

/** The workspaces of runs that go on, that were killed, and those that were kept. */
export async function lookWorkspaces(options: LookOptions): Promise<CacheItem[]> {
	const place = openPlace("workspace", options.home, workspacesPlace(options.home));
	if ("foreign" in place) return [place.foreign];
	const items: CacheItem[] = [];
	for (const [name, kind] of place.entries) {
		const path = join(place.path, name);
		if (kind === "link") items.push(foreignItem("workspace", path, "it is a link"));
		// A finished run takes its note away: what is left then was kept to be looked at.
		if (kind === "directory") items.push(await itemAt("workspace", path, stateOf(path) ?? { is: "idle" }, options));
	}
	return items;
}

/** What processes need while they run, and what killed ones left: in the system's directory, and beside benchmarks. */
export async function lookTemporaries(options: LookOptions): Promise<CacheItem[]> {
	const items: CacheItem[] = [];
	const system = options.tempDirectory ?? systemTempDir();
	const clones = openPlace("temporary", options.home, benchmarksPlace(options.home));
	for (const place of [{ path: system, entries: directoryEntries(system) ?? [] }, clones]) {
		if ("foreign" in place) continue;
		for (const [name, kind] of place.entries) {
			const path = join(place.path, name);
			const state = kind === "directory" ? stagedState(path) : undefined;
			if (state === undefined) continue;
			items.push(
				await itemAt("temporary", path, state === "left" ? { is: "left" } : { is: "in-use", ...state }, options),
			);
		}
	}
	return items;
}

/** By the process that the directory says it belongs to; undefined where it says none. */
function stateOf(directory: string): CacheItemState | undefined {
	const owner = directoryOwner(directory);
	if (!owner) return undefined;
	return owner.state === "dead" ? { is: "left" } : { is: "in-use", pid: owner.pid };
}

async function itemAt(
	kind: CacheKind,
	path: string,
	state: CacheItemState,
	{ timeMs, signal }: LookOptions,
): Promise<CacheItem> {
	const { bytes } = await treeSize(path, { ...(timeMs === undefined ? {} : { timeMs }), signal });
	return { kind, path, bytes, usedAt: listEntry(path).mtimeMs, state };
}
