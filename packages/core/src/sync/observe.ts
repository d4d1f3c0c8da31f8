import { join } from "node:path";
import type { RegistryEntry } from "../eval/registry.ts";
import { type PathKind, pathKind } from "../machine/files.ts";
import { walkTree } from "../machine/find-files.ts";
import { fetchHistory, fetchTip, isHere, isShallow, remoteHolds } from "./clone.ts";
import { isOnWantedRef } from "./make-plan.ts";
import {
	baseRef,
	type CloneGit,
	type CloneState,
	type Edit,
	type LocalClone,
	lastSeen,
	listRefs,
	lookLocal,
	lookRemote,
	namesInTheWay,
	type Observation,
	type Relation,
	type Remote,
	type RemoteLook,
	remoteProblem,
	type Wanted,
} from "./observation.ts";
import { type Journal, readJournal, type TreeChange, treeDiff } from "./recover.ts";

export interface ObserveOptions {
	/** Compares with the last known state of the remote, offline. */
	readonly offline?: boolean;
	readonly fetch: boolean;
	/** Whether to check local edits and incoming files if files would change. */
	readonly files: boolean;
}

export interface Seen {
	readonly observation: Observation;
	readonly clone: LocalClone | undefined;
	readonly incoming: readonly TreeChange[];
	/** Left by a killed sync, and not recovered yet. */
	readonly journal: Journal | undefined;
}

export async function observe(entry: RegistryEntry, remote: Remote, options: ObserveOptions): Promise<Seen> {
	const [local, remoteLook] = await Promise.all([
		lookLocal(entry.path, remote.url, remote.env),
		options.offline ? undefined : lookRemote(remote),
	]);
	const clone = local.kind === "clone" ? local.clone : undefined;
	const look = remoteLook ?? lastSeen(remote, clone);
	const foreign = local.kind === "foreign" ? local.message : undefined;
	const observation = { id: entry.id, path: entry.path, disk: local.kind, foreign, remote: look, clone: undefined };
	if (!clone) return { observation, clone, incoming: [], journal: undefined };
	const journal = readJournal(clone.git.gitDir);
	const compared = await compare(clone, look, remote, options, journal);
	const complete = { ...observation, remote: compared.look, clone: compared.state };
	return { observation: complete, clone, incoming: compared.incoming, journal };
}

async function compare(
	clone: LocalClone,
	remoteLook: RemoteLook,
	remote: Remote,
	options: ObserveOptions,
	journal: Journal | undefined,
): Promise<{ state: CloneState; look: RemoteLook; incoming: readonly TreeChange[] }> {
	const { git, head, refs } = clone;
	const state: CloneState = {
		...{ branch: head.branch, sha: head.sha, base: refs.get(baseRef), syncedRef: git.syncedRef },
		urlChanged: !clone.isOrigin,
		underWay: journal && clone.underWay === "lock" ? undefined : clone.underWay,
		refusedKey: git.refusedKey,
		...{ sameHistory: true, relation: undefined, targetHasLocalCommits: false, edits: [], incoming: [] },
	};
	if (head.sha === undefined || !remoteLook.wanted) return { state, look: remoteLook, incoming: [] };
	const isStuck = state.underWay !== undefined || state.refusedKey !== undefined;
	const mayFetch = options.fetch && !options.offline && !isStuck;
	const isTipHere = await isHere(clone, remoteLook.wanted.sha);
	const look = isTipHere || !mayFetch ? remoteLook : await fetchWanted(clone, remoteLook.wanted, remote);
	const { wanted } = look;
	if (!wanted || (!isTipHere && !mayFetch)) return { state, look, incoming: [] };
	const asks = state.urlChanged && !isStuck && !options.offline;
	const sameHistory = asks ? await isSameHistory(clone, wanted, remote) : true;
	const relation = await relateFully(clone, wanted, remote, mayFetch);
	const changes = options.files && head.sha !== wanted.sha;
	const incoming = changes ? await treeDiff(git, head.sha, wanted.sha) : [];
	const compared = {
		...{ ...state, sameHistory, relation },
		targetHasLocalCommits: await targetHasLocalCommits(clone, state, wanted),
		edits: changes ? await editsAgainst(incoming, git, remote.signal, journal) : [],
		incoming: incoming.map(({ path }) => path),
	};
	return { state: compared, look, incoming };
}

async function fetchWanted(clone: LocalClone, wanted: Wanted, remote: Remote): Promise<RemoteLook> {
	try {
		return { wanted: { ...wanted, sha: await fetchTip(clone, wanted, remote) } };
	} catch (error) {
		return { problem: remoteProblem(error) };
	}
}

/** Returns undefined if the comparison needs a fetch that is not allowed now. */
async function relateFully(
	clone: LocalClone,
	wanted: Wanted,
	remote: Remote,
	mayFetch: boolean,
): Promise<Relation | undefined> {
	const { git, head } = clone;
	const relation = await relate(clone, wanted.sha);
	const isOnBranch = wanted.kind === "branch" && head.branch === wanted.name;
	if (relation.ahead === 0 || !isOnBranch || head.sha === undefined || !isShallow(clone)) return relation;
	if (await shareHistory(git, head.sha, wanted.sha)) return relation;
	if (!mayFetch) return undefined;
	await fetchHistory(clone, wanted, remote);
	return relate(clone, wanted.sha);
}

/** Offline; one git command, or two if HEAD has more commits. */
async function relate({ git, head }: LocalClone, tip: string): Promise<Relation> {
	if (head.sha === undefined || head.sha === tip) return { ahead: 0, behind: 0, hasLocalCommits: false };
	const { stdout } = await git.local(["rev-list", "--left-right", "--count", `${head.sha}...${tip}`, "--"]);
	const [ahead = 0, behind = 0] = stdout.trim().split("\t").map(Number);
	return { ahead, behind, hasLocalCommits: ahead > 0 && (await hasLocalCommits(git, head.sha, tip)) };
}

async function hasLocalCommits(git: CloneGit, commit: string, tip: string): Promise<boolean> {
	const known = ["--not", "--remotes=origin", "--glob=refs/agentv/", tip];
	const { stdout } = await git.local(["rev-list", "--max-count=1", commit, ...known, "--"]);
	return stdout.trim() !== "";
}

/** Returns false if a shallow history ends before a common ancestor. */
async function shareHistory(git: CloneGit, commit: string, other: string): Promise<boolean> {
	return (await git.local(["merge-base", commit, other], { okExitCodes: [0, 1] })).exitCode === 0;
}

async function isSameHistory({ git, refs, head }: LocalClone, wanted: Wanted, remote: Remote): Promise<boolean> {
	const ours = refs.get(baseRef) ?? head.sha;
	return ours === undefined || (await shareHistory(git, ours, wanted.sha)) || remoteHolds(ours, remote);
}

/** Also covers branches whose names conflict with the wanted one. */
async function targetHasLocalCommits(clone: LocalClone, state: CloneState, wanted: Wanted): Promise<boolean> {
	if (wanted.kind !== "branch" || isOnWantedRef(state, wanted)) return false;
	const own = `refs/heads/${wanted.name}`;
	const existing = (await listRefs(clone.git, [own])).get(own);
	const others = [...(await namesInTheWay(clone, wanted.name))].filter(([ref]) => ref.startsWith("refs/heads/"));
	for (const sha of [...(existing ? [existing] : []), ...others.map(([, sha]) => sha)])
		if (sha !== wanted.sha && (await hasLocalCommits(clone.git, sha, wanted.sha))) return true;
	return false;
}

/** Excludes leftovers of an interrupted sync. */
export async function localEdits(
	git: CloneGit,
	signal: AbortSignal | undefined,
	journal: Journal | undefined,
): Promise<readonly Edit[]> {
	const { stdout } = await git.local(
		["status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty", "--"],
		{ signal },
	);
	const lines = stdout.split("\0").filter((line) => line !== "");
	const edits = lines.map((line) => ({ path: line.slice(3), isTracked: !line.startsWith("??") }));
	if (journal?.phase !== "work-tree" || journal.from === undefined || journal.to === undefined) return edits;
	const before = new Set(journal.edits ?? []);
	const ours = new Set((await treeDiff(git, journal.from, journal.to)).map(({ path }) => path));
	return edits.filter(({ path }) => before.has(path) || !ours.has(path));
}

/** Adds ignored files that `incoming` would replace. */
async function editsAgainst(
	incoming: readonly TreeChange[],
	git: CloneGit,
	signal: AbortSignal | undefined,
	journal: Journal | undefined,
): Promise<readonly Edit[]> {
	const edits = await localEdits(git, signal, journal);
	// Before recovery, the interrupted sync's own files are still there.
	if (journal) return edits;
	const known = new Set(edits.map(({ path }) => path));
	const ignored = [...untrackedInTheWay(git.root, incoming)].filter((path) => !known.has(path));
	return [...edits, ...ignored.map((path) => ({ path, isTracked: false }))];
}

/** Finds untracked paths at, above or below an added file that stay in the way. */
function untrackedInTheWay(root: string, incoming: readonly TreeChange[]): ReadonlySet<string> {
	const tracked = new Set(incoming.flatMap(({ path, before }) => (before ? [path] : [])));
	const kinds = new Map<string, PathKind>();
	const kindOf = (path: string) => {
		const kind = kinds.get(path) ?? pathKind(join(root, path));
		kinds.set(path, kind);
		return kind;
	};
	const paths = new Set<string>();
	for (const { path, before, after } of incoming) {
		if (before || !after || after.mode === "160000") continue;
		const parts = path.split("/").map((_, index, names) => names.slice(0, index + 1).join("/"));
		const standing = parts.find((part) => kindOf(part) !== "directory") ?? path;
		const kind = kindOf(standing);
		if (kind === "directory") {
			for (const inner of walkTree(join(root, path)))
				if (inner.kind !== "directory" && !tracked.has(`${path}/${inner.path}`)) paths.add(`${path}/${inner.path}`);
		} else if (kind !== "missing" && !tracked.has(standing)) paths.add(standing);
	}
	return paths;
}
