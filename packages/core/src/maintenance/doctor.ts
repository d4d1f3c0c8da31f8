import { delimiter, isAbsolute } from "node:path";
import { type Registry, readRegistry } from "../eval/registry.ts";
import { runRoots } from "../eval/run-digest.ts";
import { AgentvError } from "../lib/errors.ts";
import { formatBytes, plural } from "../lib/text.ts";
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
	itemsOf,
	type ProgramSearch,
} from "./doctor-checks.ts";
import { type CacheKind, cacheKinds, lookCache } from "./prune-cache.ts";

interface DoctorOptions extends ExamineOptions {
	/** Milliseconds for each remote and server. Default: offline. */
	readonly onlineMs?: number | undefined;
}

/**
 * Checks whether everything that AgentV and the evals need is installed and configured. Read-only;
 * runs only well-known programs, with `--version`.
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

function checkHome(env: Environment): DoctorItem[] {
	const item = itemsOf("home");
	const path = agentvHome(env);
	const problem = homeProblem(path, { writes: true });
	const where = targetKind(path) === "directory" ? path : `${path}, created when needed`;
	const home = problem ? item("directory", "problem", problem, { action: homeHint }) : item("directory", "ok", where);
	try {
		return [home, ...registryItems(readRegistry(env))];
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		const says = [error.message, ...error.diagnostics.slice(0, 1).map(({ message }) => message)].join(": ");
		return [home, item("registry", "problem", says, { action: "`agentv benchmark list` shows where" })];
	}
}

function registryItems({ entries, diagnostics, document, file }: Registry): DoctorItem[] {
	const item = itemsOf("home");
	if (!document)
		return [item("registry", "note", "no benchmarks yet", { action: "`agentv benchmark add <url>` adds one" })];
	const items = [item("registry", "ok", `${plural(entries.length, "benchmark")}  ${file}`)];
	for (const { message, hint, severity } of diagnostics)
		items.push(
			item("registry", severity === "error" ? "problem" : severity, message, { action: hint ?? "fix the entry" }),
		);
	// Only reports missing directories: `benchmark status` reports the state of clones.
	for (const { id, path, source, problem } of entries) {
		const kind = targetKind(path);
		if (problem !== undefined || kind === "directory") continue;
		if (kind !== "missing") items.push(item(id, "problem", `${path} is not a directory`, { action: "fix its path" }));
		else if (source) items.push(item(id, "warning", "not cloned yet", { action: `agentv benchmark sync ${id}` }));
		else {
			const action = `fix its path, or \`agentv benchmark remove ${id}\``;
			items.push(item(id, "problem", `its directory ${path} is missing`, { action }));
		}
	}
	return items;
}

/** As in `engines` of package.json. */
const oldestNode = "20.19";
/** Supports configuration in the environment, so no command line contains credentials. */
const oldestGit = "2.31";
/** The first version that sets up sparse checkouts in one step. */
const gitForSparse = "2.35";

const machine = itemsOf("machine");

async function checkMachine(search: ProgramSearch): Promise<DoctorItem[]> {
	const version = nodeVersion.replace(/^v/, "");
	const { PATH = search.env.Path ?? "" } = search.env;
	const relative = PATH.split(delimiter).filter((entry) => entry !== "" && !isAbsolute(entry));
	const temporary = systemTempDir();
	const items = [
		isOlder(version, oldestNode)
			? machine("node", "problem", version, { action: `install Node ${oldestNode} or newer` })
			: machine("node", "ok", version),
		await git(search),
	];
	// Anyone with write access to the current directory could put programs into a relative entry.
	if (relative.length > 0) {
		const says = `has entries relative to the current directory: ${relative.join(", ")}`;
		items.push(machine("PATH", "warning", says, { action: "write them as absolute paths" }));
	}
	items.push(
		isWritableDirectory(temporary)
			? machine("temp", "ok", temporary)
			: machine("temp", "problem", `${temporary} is not writable`, { action: "set TMPDIR to another directory" }),
	);
	return items;
}

async function git(search: ProgramSearch): Promise<DoctorItem> {
	const program = await findProgram("git", search);
	if (!program) return machine("git", "problem", "not found", { action: "install git, or fix PATH" });
	const { version, path } = program;
	if (version === undefined)
		return machine("git", "warning", `${path} does not report its version`, { action: "check that it works" });
	const action = `install git ${gitForSparse} or newer`;
	if (isOlder(version, oldestGit)) return machine("git", "problem", `${version} is too old`, { action });
	if (isOlder(version, gitForSparse))
		return machine("git", "warning", `${version} can't set up workspaces with \`sparse\` paths`, { action });
	return machine("git", "ok", `${version}  ${path}`);
}

function isOlder(version: string, than: string): boolean {
	return version.localeCompare(than, "en", { numeric: true }) < 0;
}

/** To measure one item. */
const lookMs = 2000;
const littleSpace = 1e9;

const names: Readonly<Record<CacheKind, string>> = {
	mirror: "mirrors",
	call: "answers",
	workspace: "workspaces",
	temporary: "temporary",
};

async function checkStorage({ env, cwd, signal }: ExamineOptions): Promise<DoctorItem[]> {
	const item = itemsOf("storage");
	const items: DoctorItem[] = [];
	if (homeProblem(agentvHome(env), { writes: false }) === undefined) {
		const cached = await lookCache(env, { timeMs: lookMs, signal });
		for (const kind of cacheKinds) {
			const own = cached.filter((cacheItem) => cacheItem.kind === kind);
			if (own.length === 0) continue;
			const left = own.filter(({ state }) => state.is === "left").length;
			const says = `${own.length}, ${formatBytes(own.reduce((sum, { bytes }) => sum + bytes, 0))}`;
			items.push(
				left === 0
					? item(names[kind], "ok", says)
					: item(names[kind], "warning", `${says}, ${left} left by killed processes`, { action: "agentv cache prune" }),
			);
		}
		for (const { path, owner } of runRoots({ env, cwd })) {
			if (targetKind(path) !== "directory") continue;
			const { bytes, cut } = await treeSize(path, { timeMs: lookMs, signal });
			const name = owner === undefined ? "results" : `results of ${owner}`;
			items.push(item(name, "ok", `${cut ? "more than " : ""}${formatBytes(bytes)}  ${path}`));
		}
	}
	const disks = new Set<number>();
	for (const path of [agentvHome(env), cwd, systemTempDir()]) {
		const free = await freeSpace(path);
		if (free === undefined || disks.has(free.disk)) continue;
		disks.add(free.disk);
		const says = `${formatBytes(free.bytes)} at ${path}`;
		const isLittle = free.bytes < littleSpace;
		items.push(isLittle ? item("free", "warning", says, { action: "free some disk space" }) : item("free", "ok", says));
	}
	return items;
}
