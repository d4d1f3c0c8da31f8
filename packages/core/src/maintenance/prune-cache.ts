import { dirname, join, relative, sep } from "node:path";
import { benchmarksPlace, callsPlace, mirrorsPlace, workspacesPlace } from "../eval/run-digest.ts";
import { AgentvError } from "../lib/errors.ts";
import {
	listDirectory,
	removeEmptyDirectory,
	stagedState,
	sweepStaged,
	systemTempDir,
} from "../machine/directories.ts";
import { agentvHome, type Environment } from "../machine/environment.ts";
import { directoryEntries, pathKind, realPath, removeTree, throwIfAborted } from "../machine/files.ts";
import { listEntry, treeSize } from "../machine/find-files.ts";
import { directoryOwner, lockHolder, ownerNote, withLock } from "../machine/lock.ts";
import { removeFile } from "../machine/write-file.ts";
import { isSetUp, mirrorSource, mirrorUser, usedMark } from "../workspace/repositories.ts";

interface PruneOptions extends PruneRule {
	readonly env: Environment;
	/** Default: the system's directory. */
	readonly tempDirectory?: string;
	readonly dryRun?: boolean | undefined;
	/** Milliseconds since 1970. */
	readonly now: number;
	readonly signal?: AbortSignal | undefined;
}

export interface PruneResult {
	/** With `dryRun`, what would be removed. */
	readonly removed: readonly CacheItem[];
	readonly kept: readonly KeptItem[];
	readonly failed: readonly { readonly item: CacheItem; readonly message: string }[];
}

/**
 * Removes old unused data and leftovers of killed processes. Doesn't follow links.
 * @throws AgentvError `interrupted`; each item is then complete, gone, or a leftover for the next
 * call
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

/** Also removes partial files next to the mirrors. */
async function removeLeftLocks(place: string): Promise<void> {
	if (pathKind(place) !== "directory") return;
	await sweepStaged(place);
	for (const name of listDirectory(place)) {
		const mirror = /^\.([0-9a-f]{32}\.git)\.lock/.exec(name)?.[1];
		if (mirror === undefined || pathKind(join(place, mirror)) !== "missing") continue;
		try {
			await withLock(join(place, mirror), () => undefined, { waitMs: 0 });
		} catch (error) {
			// Another process is about to create the mirror.
			if (!(error instanceof AgentvError)) throw error;
		}
	}
}

/** Keeps the item if a process started using it meanwhile. */
async function removeItem(item: CacheItem): Promise<KeptItem | undefined> {
	if (item.kind === "mirror") return removeMirror(item);
	return item.kind === "call" ? removeCall(item) : removeDirectory(item);
}

async function removeMirror(item: CacheItem): Promise<KeptItem | undefined> {
	const { path } = item;
	let holds = false;
	const work = async (): Promise<KeptItem | undefined> => {
		holds = true;
		const pid = mirrorUser(path);
		if (pid !== undefined) return inUse(item, pid);
		if (lastUse(path) !== item.usedAt) return { item, reason: "recent" };
		// Remove the marker first: after a crash, an unmarked mirror is rebuilt.
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
	// Remove the dead owner's note last: without it, a partial directory would stay forever.
	for (const name of listDirectory(path)) if (name !== ownerNote) await removeTree(join(path, name));
	await removeTree(path);
	return undefined;
}

function inUse(item: CacheItem, pid: number): KeptItem {
	return { item: { ...item, state: { is: "in-use", pid } }, reason: "in-use" };
}

interface PruneRule {
	/** Items that were used within this time stay. */
	readonly olderThanMs: number;
	readonly all?: boolean | undefined;
}

export interface KeptItem {
	readonly item: CacheItem;
	readonly reason: "recent" | "in-use" | "foreign";
}

/** Leftovers of killed processes are always removed, unused data once it is old. */
export function planPrune(items: readonly CacheItem[], rule: PruneRule, now: number) {
	const remove: CacheItem[] = [];
	const keep: KeptItem[] = [];
	for (const item of items) {
		const reason = reasonToKeep(item, rule, now);
		if (reason) keep.push({ item, reason });
		else remove.push(item);
	}
	return { remove, keep };
}

function reasonToKeep({ state, usedAt }: CacheItem, { olderThanMs, all }: PruneRule, now: number) {
	if (state.is === "foreign" || state.is === "in-use") return state.is;
	const isRecent = state.is === "idle" && all !== true && now - usedAt < olderThanMs;
	return isRecent ? "recent" : undefined;
}

/** Lists everything that AgentV can recreate. Read-only. @throws AgentvError `interrupted` */
export async function lookCache(env: Environment, limits: Omit<LookOptions, "home">): Promise<CacheItem[]> {
	const home = agentvHome(env);
	const look: LookOptions = { home, ...limits };
	const places = [
		["mirror", mirrorsPlace(home), lookMirrors],
		["call", callsPlace(home), lookCalls],
		["workspace", workspacesPlace(home), lookWorkspaces],
	] as const;
	const items: CacheItem[] = [];
	for (const [kind, directory, lookAt] of places) {
		const place = openPlace(kind, home, directory);
		items.push(...("foreign" in place ? [place.foreign] : await lookAt(place, look)));
	}
	return [...items, ...(await lookTemporaries(look))];
}

async function lookCalls(place: OpenPlace, { signal }: LookOptions): Promise<CacheItem[]> {
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
	// The file can have been removed meanwhile.
	if (pathKind(path) !== "file") return [];
	const { size, mtimeMs } = listEntry(path);
	return [{ kind: "call", path, bytes: size, usedAt: mtimeMs, state: { is: isAnswer ? "idle" : "left" } }];
}

async function lookWorkspaces(place: OpenPlace, options: LookOptions): Promise<CacheItem[]> {
	const items: CacheItem[] = [];
	for (const [name, kind] of place.entries) {
		const path = join(place.path, name);
		if (kind === "link") items.push(foreignItem("workspace", path, "it is a link"));
		// A finished run removes its note, so what is left was kept for the user.
		if (kind === "directory") items.push(await itemAt("workspace", path, stateOf(path) ?? { is: "idle" }, options));
	}
	return items;
}

/** Searches the system's directory, and next to benchmarks. */
async function lookTemporaries(options: LookOptions): Promise<CacheItem[]> {
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

/** The directory's recorded owner decides; undefined without one. */
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

async function lookMirrors(place: OpenPlace, options: LookOptions): Promise<CacheItem[]> {
	const items: CacheItem[] = [];
	for (const [name, kind] of place.entries) {
		if (!/^[0-9a-f]{32}\.git$/.test(name)) continue;
		const path = join(place.path, name);
		if (kind !== "directory") {
			items.push(foreignItem("mirror", path, kind === "link" ? "it is a link" : "it is not a directory"));
			continue;
		}
		const item = await itemAt("mirror", path, mirrorState(path), options);
		const source = mirrorSource(path);
		items.push({ ...item, usedAt: lastUse(path), ...(source ? { name: source } : {}) });
	}
	return items;
}

function lastUse(mirror: string): number {
	const mark = join(mirror, usedMark);
	return pathKind(mark) === "directory" ? listEntry(mark).mtimeMs : 0;
}

function mirrorState(mirror: string): CacheItemState {
	const pid = lockHolder(mirror) ?? mirrorUser(mirror);
	if (pid !== undefined) return { is: "in-use", pid };
	// An incomplete mirror was left by a killed process.
	return { is: isSetUp(mirror) ? "idle" : "left" };
}

interface LookOptions {
	/** `$AGENTV_HOME`, absolute. */
	readonly home: string;
	/** Default: the system's directory. */
	readonly tempDirectory?: string | undefined;
	/** For measuring one item; larger ones are reported too small. Default: none. */
	readonly timeMs?: number;
	readonly signal?: AbortSignal | undefined;
}

/**
 * A `mirror` is of a repository, a `call` is a cached model response; `workspace` and `temporary`
 * data is of runs and running processes.
 */
export const cacheKinds = ["mirror", "call", "workspace", "temporary"] as const;
export type CacheKind = (typeof cacheKinds)[number];

export interface CacheItem {
	readonly kind: CacheKind;
	/** Absolute. */
	readonly path: string;
	/** Present if it is not the path, for example a mirror's repository. */
	readonly name?: string;
	readonly bytes: number;
	/** Milliseconds since 1970. */
	readonly usedAt: number;
	readonly state: CacheItemState;
}

/** With `left`, a killed process left the item, and it is unused. */
type CacheItemState =
	| { readonly is: "idle" }
	| { readonly is: "left" }
	| { readonly is: "in-use" /** 0: unknown. */; readonly pid: number }
	/** A link, or something not created by AgentV, which stays untouched. */
	| { readonly is: "foreign"; readonly reason: string };

interface OpenPlace {
	/** Real path. */
	readonly path: string;
	readonly entries: ReadonlyMap<string, string>;
}

/** Links can point anywhere, so they become items. A missing directory is empty. */
function openPlace(kind: CacheKind, home: string, place: string): OpenPlace | { readonly foreign: CacheItem } {
	let path = realPath(home);
	for (const part of relative(home, place).split(sep)) {
		path = join(path, part);
		if (pathKind(path) === "link") return { foreign: foreignItem(kind, path, "it is a link") };
	}
	return { path, entries: directoryEntries(path) ?? new Map() };
}

function foreignItem(kind: CacheKind, path: string, reason: string): CacheItem {
	return { kind, path, bytes: 0, usedAt: 0, state: { is: "foreign", reason } };
}
