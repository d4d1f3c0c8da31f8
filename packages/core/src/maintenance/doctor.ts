import { delimiter, isAbsolute } from "node:path";
import { type Registry, type RegistryEntry, readRegistry } from "../eval/registry.ts";
import { runRoots } from "../eval/run-digest.ts";
import { AgentvError } from "../lib/errors.ts";
import { formatBytes } from "../lib/numbers.ts";
import { systemTempDir } from "../machine/directories.ts";
import {
	agentvHome,
	type Environment,
	freeSpace,
	homeHint,
	homeProblem,
	isWritableDirectory,
	nodeVersion,
} from "../machine/environment.ts";
import { targetKind, throwIfAborted } from "../machine/files.ts";
import { treeSize } from "../machine/find-files.ts";
import {
	checkEvals,
	checkOnline,
	checkPrograms,
	checkTargets,
	checkVariables,
	type DoctorItem,
	type ExamineOptions,
	examineEvals,
	findProgram,
	type ProgramSearch,
} from "./doctor-checks.ts";
import { type CacheItem, type CacheKind, cacheKinds, lookCache } from "./prune-cache.ts";

export interface DoctorOptions extends ExamineOptions {
	/** Also contacts remotes and servers, with this time limit for each. Default: offline. */
	readonly onlineMs?: number;
}

/**
 * Checks whether everything that AgentV and the evals here need is installed and configured.
 * Read-only; runs only well-known programs, with `--version`.
 * @throws AgentvError `interrupted`, `not-found`
 */
export async function examine(options: DoctorOptions): Promise<DoctorItem[]> {
	const { env, cwd, signal, onlineMs } = options;
	const examined = await examineEvals(options);
	const projects = [...new Set(examined.evals.map(({ loaded }) => loaded.scope.root))];
	const search: ProgramSearch = { env, cwd, projects, signal };
	const items = [
		...(await checkMachine(search)),
		...checkHome(env),
		...checkEvals(examined),
		...(await checkPrograms(examined, search)),
		...(await checkTargets(examined)),
		...checkVariables(examined, cwd),
		...(await checkStorage({ env, cwd, signal })),
		...(onlineMs === undefined ? [] : await checkOnline(examined, { env, timeoutMs: onlineMs, signal })),
	];
	throwIfAborted(signal, "checking this machine");
	return items;
}

/** Checks `$AGENTV_HOME`, the registry and its benchmarks on disk. */
function checkHome(env: Environment): DoctorItem[] {
	return [home(agentvHome(env)), ...registry(env)];
}

function home(path: string): DoctorItem {
	const shared = { group: "home", name: "directory" } as const;
	const problem = homeProblem(path, { writes: true });
	if (problem !== undefined) return { ...shared, state: "problem", says: problem, action: homeHint };
	const isThere = targetKind(path) === "directory";
	return { ...shared, state: "ok", says: isThere ? path : `${path}, created when needed` };
}

function registry(env: Environment): DoctorItem[] {
	let read: Registry;
	try {
		read = readRegistry(env);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		const first = error.diagnostics[0]?.message;
		const says = `${error.message}${first === undefined ? "" : `: ${first}`}`;
		return [{ group: "home", name: "registry", state: "problem", says, action: "`agentv benchmark list` shows where" }];
	}
	const { entries, diagnostics, document } = read;
	const says = entries.length === 1 ? "1 benchmark" : `${entries.length} benchmarks`;
	const found = diagnostics.map(({ message, hint, severity }): DoctorItem => {
		const state = severity === "error" ? "problem" : "warning";
		return { group: "home", name: "registry", state, says: message, action: hint ?? "fix the entry" };
	});
	const summary = { group: "home", name: "registry" } as const;
	if (!document)
		return [{ ...summary, state: "note", says: "no benchmarks yet", action: "`agentv benchmark add <url>` adds one" }];
	return [{ ...summary, state: "ok", says: `${says}  ${read.file}` }, ...found, ...entries.flatMap(benchmark)];
}

/** Only reports missing ones: the state of clones is for `benchmark status`. */
function benchmark({ id, path, source, problem }: RegistryEntry): DoctorItem[] {
	const kind = targetKind(path);
	if (problem !== undefined || kind === "directory") return [];
	const shared = { group: "home", name: id } as const;
	if (kind !== "missing")
		return [{ ...shared, state: "problem", says: `${path} is not a directory`, action: "fix its path" }];
	if (source) return [{ ...shared, state: "warning", says: "not cloned yet", action: `agentv benchmark sync ${id}` }];
	const action = `fix its path, or \`agentv benchmark remove ${id}\``;
	return [{ ...shared, state: "problem", says: `its directory ${path} is missing`, action }];
}

/** As in `engines` of package.json. */
export const oldestNode = "20.19";
/** Supports configuration in the environment, so no command line contains credentials. */
const oldestGit = "2.31";
/** The first git that sets up sparse checkouts in one step. */
const gitForSparse = "2.35";

/** Checks Node, git and the required directories. */
async function checkMachine(search: ProgramSearch): Promise<DoctorItem[]> {
	return [node(nodeVersion.replace(/^v/, "")), await git(search), ...path(search), temporary()];
}

function node(version: string): DoctorItem {
	const shared = { group: "machine", name: "node", says: version } as const;
	if (isOlder(version, oldestNode))
		return { ...shared, state: "problem", action: `install Node ${oldestNode} or newer` };
	return { ...shared, state: "ok" };
}

async function git(search: ProgramSearch): Promise<DoctorItem> {
	const found = await findProgram("git", search);
	const shared = { group: "machine", name: "git" } as const;
	if (!found) return { ...shared, state: "problem", says: "not found", action: "install git, or fix PATH" };
	const { version, path } = found;
	if (version === undefined)
		return { ...shared, state: "warning", says: `${path} does not report its version`, action: "check that it works" };
	if (isOlder(version, oldestGit))
		return {
			...shared,
			state: "problem",
			says: `${version} is too old`,
			action: `install git ${gitForSparse} or newer`,
		};
	if (isOlder(version, gitForSparse)) {
		const says = `${version} can't set up workspaces with \`sparse\` paths`;
		return { ...shared, state: "warning", says, action: `install git ${gitForSparse} or newer` };
	}
	return { ...shared, state: "ok", says: `${version}  ${path}` };
}

/** Anyone with write access to the current directory could put programs into a relative entry. */
function path({ env }: ProgramSearch): DoctorItem[] {
	const relative = (env.PATH ?? env.Path ?? "").split(delimiter).filter((entry) => entry !== "" && !isAbsolute(entry));
	if (relative.length === 0) return [];
	const says = `has entries relative to the current directory: ${relative.join(", ")}`;
	return [{ group: "machine", name: "PATH", state: "warning", says, action: "write them as absolute paths" }];
}

function temporary(): DoctorItem {
	const directory = systemTempDir();
	const shared = { group: "machine", name: "temp" } as const;
	return isWritableDirectory(directory)
		? { ...shared, state: "ok", says: directory }
		: {
				...shared,
				state: "problem",
				says: `${directory} is not writable`,
				action: "set TMPDIR to another directory",
			};
}

/** Compares dotted versions; a non-numeric part counts as 0. */
export function isOlder(version: string, than: string): boolean {
	const numbers = (text: string) => text.split(/[^\d]+/).map(Number);
	const [left, right] = [numbers(version), numbers(than)];
	for (const [index, wanted] of right.entries()) {
		const given = left[index] ?? 0;
		if (given !== wanted) return given < wanted;
	}
	return false;
}

interface StorageOptions {
	readonly env: Environment;
	readonly cwd: string;
	readonly signal?: AbortSignal | undefined;
}

/** Time limit for measuring one item. */
const lookMs = 2000;
const littleSpace = 1e9;

const names: Readonly<Record<CacheKind, string>> = {
	mirror: "mirrors",
	call: "answers",
	workspace: "workspaces",
	temporary: "temporary",
};

/** Reports AgentV's data, and the free disk space. */
async function checkStorage({ env, cwd, signal }: StorageOptions): Promise<DoctorItem[]> {
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
