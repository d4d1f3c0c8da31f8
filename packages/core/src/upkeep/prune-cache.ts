import { dirname, join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { agentvHome, type Environment } from "../io/environment.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { listEntry } from "../io/files/list-entry.ts";
import { lockHolder, withLock } from "../io/files/lock.ts";
import { directoryOwner, ownerNote } from "../io/files/owner-note.ts";
import { removeEmptyDirectory } from "../io/files/remove-empty-directory.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import { stagedState, sweepStaged } from "../io/files/staged-files.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { throwIfAborted } from "../io/files/throw-if-aborted.ts";
import { removeFile } from "../io/files/write-note.ts";
import { mirrorsPlace } from "../model/home-places.ts";
import { mirrorUser, usedMark } from "../workspace/repositories/mirror-notes.ts";
import type { CacheItem } from "./cache-item.ts";
import { lookCache } from "./look-cache.ts";
import { lastUse } from "./look-mirrors.ts";
import { type KeptItem, type PruneRule, planPrune } from "./plan-prune.ts";

export interface PruneOptions extends PruneRule {
	readonly env: Environment;
	/** Where processes put what they need while they run. Default: the system's directory. */
	readonly tempDirectory?: string;
	/** Say what would go, and remove nothing. */
	readonly dryRun?: boolean;
	/** Milliseconds since 1970. */
	readonly now: number;
	readonly signal?: AbortSignal | undefined;
}

export interface PruneResult {
	/** What went, or with `dryRun` would go. */
	readonly removed: readonly CacheItem[];
	readonly kept: readonly KeptItem[];
	readonly failed: readonly { readonly item: CacheItem; readonly message: string }[];
}

/**
 * Removes what AgentV keeps and could do without: what is old and unused, and what killed processes left. What a process uses stays. Links
 * are not followed.
 * @throws AgentvError `interrupted`; each thing is then whole or gone, or is taken for a remainder by the next call
 */
export async function pruneCache({
	env,
	dryRun,
	now,
	signal,
	tempDirectory,
	...rule
}: PruneOptions): Promise<PruneResult> {
	const plan = planPrune(await lookCache(env, { signal, tempDirectory }), rule, now);
	const kept = [...plan.keep];
	if (dryRun) return { removed: plan.remove, kept, failed: [] };
	const removed: CacheItem[] = [];
	const failed: PruneResult["failed"][number][] = [];
	for (const item of plan.remove) {
		throwIfAborted(signal, "removing old entries");
		try {
			const reason = await removeItem(item);
			if (reason) kept.push(reason);
			else removed.push(item);
		} catch (error) {
			if (!(error instanceof AgentvError)) throw error;
			failed.push({ item, message: error.message });
		}
	}
	await removeLeftLocks(mirrorsPlace(agentvHome(env)));
	return { removed, kept, failed };
}

/** Removes locks that killed processes left of mirrors that are gone, and what they were writing beside them. */
async function removeLeftLocks(place: string): Promise<void> {
	if (pathKind(place) !== "directory") return;
	await sweepStaged(place);
	for (const name of listDirectory(place)) {
		const mirror = /^\.([0-9a-f]{32}\.git)\.lock/.exec(name)?.[1];
		if (mirror === undefined || pathKind(join(place, mirror)) !== "missing") continue;
		try {
			await withLock(join(place, mirror), () => undefined, { waitMs: 0 });
		} catch (error) {
			// Somebody is about to make it.
			if (!(error instanceof AgentvError)) throw error;
		}
	}
}

/** Removes it unless somebody has come to use it since it was looked at. */
async function removeItem(item: CacheItem): Promise<KeptItem | undefined> {
	switch (item.kind) {
		case "mirror":
			return removeMirror(item);
		case "call":
			return removeCall(item);
		default:
			return removeDirectory(item);
	}
}

async function removeMirror(item: CacheItem): Promise<KeptItem | undefined> {
	const { path } = item;
	let holds = false;
	const work = async (): Promise<KeptItem | undefined> => {
		holds = true;
		const pid = mirrorUser(path);
		if (pid !== undefined) return inUse(item, pid);
		if (lastUse(path) !== item.usedAt) return { item, reason: "recent" };
		// Its mark goes first: should we be killed, what is left is taken for a beginning and made anew.
		await removeTree(join(path, usedMark));
		await removeTree(path);
		return undefined;
	};
	try {
		return await withLock(path, work, { waitMs: 0 });
	} catch (error) {
		if (holds || !(error instanceof AgentvError) || error.code !== "failed") throw error;
		return inUse(item, lockHolder(path) ?? 0);
	}
}

function removeCall(item: CacheItem): KeptItem | undefined {
	const { path, usedAt } = item;
	if (pathKind(path) !== "file") return undefined;
	if (listEntry(path).mtimeMs !== usedAt) return { item, reason: "recent" };
	removeFile(path);
	removeEmptyDirectory(dirname(path));
	return undefined;
}

async function removeDirectory(item: CacheItem): Promise<KeptItem | undefined> {
	const { path } = item;
	if (pathKind(path) !== "directory") return undefined;
	const owner = stagedState(path) ?? directoryOwner(path);
	if (owner !== undefined && owner !== "left" && !("state" in owner && owner.state === "dead"))
		return inUse(item, owner.pid);
	// The note of the dead owner goes last: a half-removed directory without one would stay for good.
	for (const name of listDirectory(path)) if (name !== ownerNote) await removeTree(join(path, name));
	await removeTree(path);
	return undefined;
}

function inUse(item: CacheItem, pid: number): KeptItem {
	return { item: { ...item, state: { is: "in-use", pid } }, reason: "in-use" };
}
