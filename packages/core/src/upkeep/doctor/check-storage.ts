import { formatBytes } from "../../base/bytes.ts";
import { freeSpace } from "../../io/disk-space.ts";
import { agentvHome, type Environment } from "../../io/environment.ts";
import { targetKind } from "../../io/files/stat-path.ts";
import { systemTempDir } from "../../io/files/temp-dir.ts";
import { treeSize } from "../../io/files/tree-size.ts";
import { homeProblem } from "../../io/refuse-unusable-home.ts";
import { runRoots } from "../../model/run-roots.ts";
import { type CacheItem, type CacheKind, cacheKinds } from "../cache-item.ts";
import { lookCache } from "../look-cache.ts";
import type { DoctorItem } from "./doctor-item.ts";

interface StorageOptions {
	readonly env: Environment;
	readonly cwd: string;
	readonly signal?: AbortSignal | undefined;
}

/** How long one thing is measured. */
const lookMs = 2000;
const littleSpace = 1e9;

const names: Readonly<Record<CacheKind, string>> = {
	mirror: "mirrors",
	call: "answers",
	workspace: "workspaces",
	temporary: "temporary",
};

/** What AgentV keeps, and the room that is left. */
export async function checkStorage({ env, cwd, signal }: StorageOptions): Promise<DoctorItem[]> {
	if (homeProblem(agentvHome(env), { writes: false }) !== undefined) return space(env, cwd);
	const items = await lookCache(env, { timeMs: lookMs, signal });
	const kinds = cacheKinds.flatMap((kind) =>
		kept(
			kind,
			items.filter((item) => item.kind === kind),
		),
	);
	return [...kinds, ...(await results(env, cwd, signal)), ...(await space(env, cwd))];
}

function kept(kind: CacheKind, items: readonly CacheItem[]): DoctorItem[] {
	if (items.length === 0) return [];
	const bytes = formatBytes(items.reduce((sum, item) => sum + item.bytes, 0));
	const left = items.filter(({ state }) => state.is === "left").length;
	const shared = { group: "storage", name: names[kind] } as const;
	if (left === 0) return [{ ...shared, state: "ok", says: `${items.length}, ${bytes}` }];
	const says = `${items.length}, ${bytes}, ${left} left by killed processes`;
	return [{ ...shared, state: "warning", says, action: "agentv cache prune" }];
}

async function results(env: Environment, cwd: string, signal: AbortSignal | undefined): Promise<DoctorItem[]> {
	const items: DoctorItem[] = [];
	for (const { path, owner } of runRoots({ env, cwd })) {
		if (targetKind(path) !== "directory") continue;
		const { bytes, cut } = await treeSize(path, { timeMs: lookMs, signal });
		const name = owner === undefined ? "results" : `results of ${owner}`;
		const says = `${cut ? "more than " : ""}${formatBytes(bytes)}  ${path}`;
		items.push({ group: "storage", name, state: "ok", says });
	}
	return items;
}

async function space(env: Environment, cwd: string): Promise<DoctorItem[]> {
	const places = [agentvHome(env), cwd, systemTempDir()];
	const items: DoctorItem[] = [];
	const told = new Set<number>();
	for (const path of places) {
		const free = await freeSpace(path);
		if (free === undefined || told.has(free.disk)) continue;
		told.add(free.disk);
		const shared = { group: "storage", name: "free", says: `${formatBytes(free.bytes)} at ${path}` } as const;
		items.push(
			free.bytes < littleSpace
				? { ...shared, state: "warning", action: "free some disk space" }
				: { ...shared, state: "ok" },
		);
	}
	return items;
}
