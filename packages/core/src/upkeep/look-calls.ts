import { join } from "node:path";
import { directoryEntries } from "../io/files/directory-entries.ts";
import { listEntry } from "../io/files/list-entry.ts";
import { stagedState } from "../io/files/staged-files.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { throwIfAborted } from "../io/files/throw-if-aborted.ts";
import { callsPlace } from "../model/home-places.ts";
import type { CacheItem } from "./cache-item.ts";
import type { LookOptions } from "./look-options.ts";
import { foreignItem, openPlace } from "./places.ts";

/** The kept answers of language models, and what writing them left behind. */
export async function lookCalls({ home, signal }: LookOptions): Promise<CacheItem[]> {
	const place = openPlace("call", home, callsPlace(home));
	if ("foreign" in place) return [place.foreign];
	const items: CacheItem[] = [];
	for (const [name, kind] of place.entries) {
		if (!/^[0-9a-f]{2}$/.test(name)) continue;
		const shelf = join(place.path, name);
		if (kind === "link") items.push(foreignItem("call", shelf, "it is a link"));
		if (kind !== "directory") continue;
		await new Promise((resolve) => setImmediate(resolve));
		throwIfAborted(signal, "scanning the cache");
		for (const [file, fileKind] of directoryEntries(shelf) ?? [])
			if (fileKind === "file") items.push(...answerAt(join(shelf, file), file));
	}
	return items;
}

function answerAt(path: string, name: string): CacheItem[] {
	const isAnswer = /^[0-9a-f]{64}\.json$/.test(name);
	if (!isAnswer && stagedState(path) !== "left") return [];
	// It may have gone since the directory was listed.
	if (pathKind(path) !== "file") return [];
	const { size, mtimeMs } = listEntry(path);
	return [{ kind: "call", path, bytes: size, usedAt: mtimeMs, state: { is: isAnswer ? "idle" : "left" } }];
}
