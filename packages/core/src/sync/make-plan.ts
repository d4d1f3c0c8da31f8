import { join } from "node:path";
import type { Environment } from "../machine/environment.ts";
import { type PathKind, pathKind } from "../machine/files.ts";
import { walkTree } from "../machine/find-files.ts";
import type { CloneGit, CloneState, Edit, LocalClone, Observation, RemoteSettings, Wanted } from "./observation.ts";
import { type Journal, type TreeChange, treeDiff } from "./recover.ts";

/** What to do with one benchmark, based on the observation. */
export interface Decision {
	readonly action: Exclude<SyncAction, "skip">;
	readonly from: string | null;
	readonly to: string | null;
	/** One sentence. */
	readonly message: string;
}

export interface Request {
	/** Adopt a rewritten upstream if no local work would be lost. */
	readonly reset: boolean;
}

/** A pure function of the observation. The first obstacle is reported. */
export function makePlan(observation: Observation, request: Request): Decision {
	const { clone, remote } = observation;
	const from = clone?.sha ?? null;
	const to = "wanted" in remote ? remote.wanted.sha : null;
	const refuse = (message: string): Decision => ({ action: "refuse", from, to, message });
	if (observation.disk === "foreign")
		return refuse(`${observation.foreign}; move it away, or change the benchmark's path`);
	const standing = clone && standingObstacle(clone, observation);
	if (standing !== undefined) return refuse(standing);
	if ("problem" in remote) return refuse(sentence(remote.problem.message, remote.problem.hint));
	const { wanted } = remote;
	if (!clone) return { action: "clone", from, to, message: `clone ${wanted.name} at ${short(wanted.sha)}` };
	if (clone.urlChanged && !clone.sameHistory)
		return refuse("the URL changed to a repository without common history with the clone; move the clone away");
	const decided = isOnWantedRef(clone, wanted) ? onTheRef(clone, wanted, request) : toAnotherRef(clone, wanted);
	if ("obstacle" in decided) return refuse(decided.obstacle);
	const { action } = decided;
	if (action === "none" && !clone.urlChanged) return { action, from, to, message: `already at ${short(wanted.sha)}` };
	const inTheWay = action === "none" ? [] : editsInTheWay(clone);
	if (inTheWay.length > 0)
		return refuse(`local edits would be overwritten (${listed(inTheWay)}); commit, stash or remove them`);
	if (action === "none") return { action: "move", from, to, message: "the URL changed; the commit is the same" };
	return { action, from, to, message: decided.message };
}

/** Returns an obstacle that is independent of the remote. */
function standingObstacle(clone: CloneState, { path }: Observation): string | undefined {
	if (clone.underWay === "lock")
		return `${path}/.git/index.lock exists: another git process is running there, or was interrupted; if none is running, remove the file`;
	if (clone.underWay !== undefined)
		return `a ${clone.underWay} is in progress in ${path}; finish it or abort it (git ${givingUp(clone.underWay)})`;
	if (clone.refusedKey !== undefined)
		return `the clone's configuration sets ${clone.refusedKey}, which runs a program; remove it (git config --unset)`;
	if (clone.sha === undefined) return `the repository at ${path} has no commit checked out; move it away`;
	return undefined;
}

function givingUp(operation: string): string {
	if (operation === "bisect") return "bisect reset";
	return `${operation.replace(/ or .*/, "")} --abort`;
}

type Choice =
	| { readonly obstacle: string }
	| { readonly action: "none" | "update" | "adopt" | "move"; readonly message: string };

/** On its branch, or detached at what was synced. */
export function isOnWantedRef(clone: CloneState, wanted: Wanted): boolean {
	if (wanted.kind === "branch") return clone.branch === wanted.name;
	if (clone.branch !== undefined) return false;
	return clone.sha === wanted.sha || (clone.syncedRef === wanted.ref && clone.sha === clone.base);
}

/** Moving HEAD then doesn't override the user. */
function isWhereWeLeftIt(clone: CloneState): boolean {
	const { syncedRef } = clone;
	if (syncedRef === undefined) return false;
	if (syncedRef.startsWith("refs/heads/")) return clone.branch === syncedRef.slice("refs/heads/".length);
	return clone.branch === undefined && clone.sha === clone.base;
}

function onTheRef(clone: CloneState, wanted: Wanted, request: Request): Choice {
	const state = revisionOf(clone, wanted);
	const { relation } = clone;
	const span = `${short(clone.sha)} to ${short(wanted.sha)}`;
	switch (state) {
		case "synced":
			return { action: "none", message: "" };
		case "behind":
			if (wanted.kind !== "branch") return { action: "move", message: `${wanted.name} moved: ${span}` };
			return { action: "update", message: `${span}, ${commits(relation?.behind ?? 0)}` };
		case "ahead":
			return {
				obstacle: `the clone has ${commits(relation?.ahead ?? 0)} that the remote does not have; push or move them away`,
			};
		case "diverged":
			return {
				obstacle: `the clone has ${commits(relation?.ahead ?? 0)} that the remote does not have, and the remote has ${commits(relation?.behind ?? 0)} more; rebase or move them away`,
			};
		default:
			return rewritten(clone, span, request);
	}
}

function rewritten(clone: CloneState, span: string, request: Request): Choice {
	if (!request.reset)
		return { obstacle: `upstream was rewritten (${span}); accept it with --reset, which never loses local work` };
	const tracked = clone.edits.filter(({ isTracked }) => isTracked).map(({ path }) => path);
	if (tracked.length > 0)
		return {
			obstacle: `upstream was rewritten, and local edits would be lost (${listed(tracked)}); commit or remove them`,
		};
	return { action: "adopt", message: `accept the rewritten upstream: ${span}` };
}

function toAnotherRef(clone: CloneState, wanted: Wanted): Choice {
	if (!isWhereWeLeftIt(clone)) {
		const found = clone.branch === undefined ? `commit ${short(clone.sha)}` : `branch ${clone.branch}`;
		return {
			obstacle: `${found} was checked out manually, but the registry specifies ${wanted.name}; ${wayBack(clone, wanted)}`,
		};
	}
	if (clone.relation?.hasLocalCommits) {
		return {
			obstacle: `the clone has local commits on ${clone.branch ?? "no branch"}, but the registry specifies ${wanted.name}; push or move them away`,
		};
	}
	if (clone.targetHasLocalCommits)
		return { obstacle: `branch ${wanted.name} has local commits in the clone; push or move them away` };
	return { action: "move", message: `move to ${wanted.name}: ${short(clone.sha)} to ${short(wanted.sha)}` };
}

function wayBack(clone: CloneState, wanted: Wanted): string {
	if (wanted.kind === "branch") return `switch back (git switch ${wanted.name})`;
	return clone.base === undefined ? "move the clone away" : `switch back (git switch --detach ${short(clone.base)})`;
}

export type CloneRevision = "synced" | "behind" | "ahead" | "diverged" | "rewritten";

/** Compares HEAD with the wanted commit. */
export function revisionOf(clone: CloneState, wanted: Wanted): CloneRevision {
	if (clone.sha === wanted.sha) return "synced";
	const { relation } = clone;
	if (!relation || wanted.kind !== "branch") return relation?.hasLocalCommits ? "diverged" : "behind";
	if (relation.ahead === 0) return "behind";
	if (!relation.hasLocalCommits) return "rewritten";
	return relation.behind === 0 ? "ahead" : "diverged";
}

/** Returns edits at, above or below a path that would change. */
function editsInTheWay({ edits, incoming }: CloneState): string[] {
	if (edits.length === 0) return [];
	const changing = new Set<string>();
	for (const path of incoming) for (const part of withParents(path)) changing.add(part);
	const whole = new Set(incoming);
	return edits
		.filter(
			({ path, isTracked }) =>
				whole.has(path) || (!isTracked && changing.has(path)) || withParents(path).some((part) => whole.has(part)),
		)
		.map(({ path }) => path);
}

function* parents(path: string): Generator<string> {
	for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1))
		yield path.slice(0, slash);
}

function withParents(path: string): string[] {
	return [path, ...parents(path)];
}

/** Returns an abbreviated SHA. */
export function short(sha: string | null | undefined): string {
	return sha ? sha.slice(0, 12) : "nothing";
}

export function commits(count: number): string {
	return count === 1 ? "1 commit" : `${count} commits`;
}

/** Returns up to three of `paths`, and the number of others. */
export function listed(paths: readonly string[]): string {
	const shown = paths.slice(0, 3).join(", ");
	return paths.length > 3 ? `${shown} and ${paths.length - 3} more` : shown;
}

/** Joins a message and its hint into one sentence. */
export function sentence(message: string, hint: string | undefined): string {
	if (hint === undefined) return message;
	return `${message}; ${hint.charAt(0).toLowerCase()}${hint.slice(1).replace(/\.$/, "")}`;
}

/** A ref of the clone with its commit. */
export interface NamedRef {
	readonly ref: string;
	readonly sha: string;
}

/** Prefixes of known branches. */
const places = ["refs/heads/", "refs/remotes/origin/"];

/** Branches `a` and `a/b` exclude each other. Offline, one git command. */
export async function namesInTheWay({ git }: LocalClone, name: string): Promise<NamedRef[]> {
	const parts = name.split("/");
	const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
	const standing = places.flatMap((place) => above.map((part) => place + part));
	const below = places.map((place) => `${place}${name}/`);
	const { stdout } = await git.local(["for-each-ref", "--format=%(objectname) %(refname)", ...standing, ...below]);
	return stdout.split("\n").flatMap((line) => {
		const [sha = "", ref = ""] = line.split(" ");
		const isInTheWay = standing.includes(ref) || below.some((start) => ref.startsWith(start));
		return isInTheWay ? [{ ref, sha }] : [];
	});
}

/** Removes them; the plan has checked that their commits are the remote's, so nothing is lost. */
export async function clearNames(clone: LocalClone, name: string): Promise<void> {
	const { git, head } = clone;
	const found = await namesInTheWay(clone, name);
	if (found.length === 0 || head.sha === undefined) return;
	if (found.some(({ ref }) => ref === `refs/heads/${head.branch}`))
		await git.shielded(["update-ref", "--no-deref", "HEAD", head.sha]);
	const input = found.map(({ ref, sha }) => `delete ${ref}\0${sha}\0`).join("");
	await git.shielded(["update-ref", "-z", "--stdin"], { input });
}

/** Returns the user's differences from HEAD, without leftovers of an interrupted sync. */
export async function localEdits(
	git: CloneGit,
	{ signal }: RemoteSettings,
	journal: Journal | undefined,
): Promise<readonly Edit[]> {
	const { stdout } = await git.local(
		["status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty", "--"],
		{ signal },
	);
	const edits = stdout.split("\0").flatMap((line) => {
		return line === "" ? [] : [{ path: line.slice(3), isTracked: !line.startsWith("??") }];
	});
	if (journal?.phase !== "work-tree" || journal.from === undefined || journal.to === undefined) return edits;
	const before = new Set(journal.edits ?? []);
	const ours = new Set((await treeDiff(git, journal.from, journal.to)).map(({ path }) => path));
	return edits.filter(({ path }) => before.has(path) || !ours.has(path));
}

/** Like `localEdits`, with ignored files that `incoming` would replace. */
export async function editsAgainst(
	incoming: readonly TreeChange[],
	git: CloneGit,
	settings: RemoteSettings,
	journal: Journal | undefined,
): Promise<readonly Edit[]> {
	const edits = await localEdits(git, settings, journal);
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
	const found = new Set<string>();
	for (const { path, before, after } of incoming) {
		if (before || !after || after.mode === "160000") continue;
		const standing = partsOf(path).find((part) => kindOf(part) !== "directory") ?? path;
		const kind = kindOf(standing);
		if (kind === "directory") for (const inner of filesBelow(root, path)) if (!tracked.has(inner)) found.add(inner);
		if (kind !== "directory" && kind !== "missing" && !tracked.has(standing)) found.add(standing);
	}
	return found;
}

/** Returns `a`, `a/b`, `a/b/c` of `a/b/c`. */
function partsOf(path: string): string[] {
	const names = path.split("/");
	return names.map((_, index) => names.slice(0, index + 1).join("/"));
}

function* filesBelow(root: string, path: string): Generator<string> {
	for (const { path: inner, kind } of walkTree(join(root, path))) if (kind !== "directory") yield `${path}/${inner}`;
}

/** `current`: nothing to do. `skipped`: a local one that was not specified. */
export type SyncOutcome = "synced" | "current" | "skipped" | "refused" | "failed";

/** A program that the next run executes and that this sync changed or added. */
export interface ExecutableChange {
	readonly kind: "hook" | "grader" | "extension" | "target" | "command";
	/** The command line, or the path relative to the benchmark. */
	readonly what: string;
	/** The eval that runs it, relative to the benchmark. */
	readonly eval: string;
	/** `added`: it is new; `changed`: its file or text differs. */
	readonly change: "added" | "changed";
}

/** An affected eval. */
export interface TouchedEval {
	/** Relative to the benchmark. */
	readonly file: string;
	readonly change: "added" | "changed" | "removed";
	/** Ids of its tests that differ, or that use a changed file. */
	readonly tests: readonly string[];
}

/** The changes of a sync or its preview. */
export interface SyncChanges {
	/** Number of commits in between; null if the history is unknown (pinned tags and SHAs). */
	readonly commits: number | null;
	readonly added: readonly string[];
	readonly changed: readonly string[];
	readonly removed: readonly string[];
	readonly evals: readonly TouchedEval[];
	readonly executes: readonly ExecutableChange[];
}

export type SyncAction = "clone" | "update" | "move" | "adopt" | "none" | "skip" | "refuse";

/** What would be done, and why. The dry run and Studio's preview print it; the sync applies it. */
export interface SyncPlan {
	readonly id: string;
	/** `adopt`: a rewritten upstream, by `reset`. */
	readonly action: SyncAction;
	readonly from: string | null;
	readonly to: string | null;
	/** One sentence. */
	readonly message: string;
	/** Null if nothing would change, and for a missing clone, of which only the revision is known. */
	readonly changes: SyncChanges | null;
}

export interface SyncResult {
	readonly id: string;
	readonly outcome: SyncOutcome;
	readonly from: string | null;
	readonly to: string | null;
	/** What was done, or why not and what the user can do. */
	readonly message: string;
	/** Relative to the benchmark. If there are any, the revision is not clean. */
	readonly edits: readonly string[];
	/** Null if no file changed, and for a first clone. */
	readonly changes: SyncChanges | null;
}

/** Events of a sync, in order for each benchmark; `outcome` comes once, last. */
export type SyncEvent =
	| { readonly type: "started"; readonly id: string }
	/** Another process syncs the same directory; this one waits. */
	| { readonly type: "waiting"; readonly id: string; readonly pid: number }
	/** An interrupted sync was recovered. */
	| { readonly type: "recovered"; readonly id: string; readonly message: string }
	/** `phase` as git names it: `Receiving objects`; percent 0 to 100. */
	| {
			readonly type: "progress";
			readonly id: string;
			readonly phase: string;
			readonly percent: number;
			readonly done: number;
			readonly total: number;
	  }
	| { readonly type: "planned"; readonly id: string; readonly plan: SyncPlan }
	| { readonly type: "finished"; readonly id: string; readonly result: SyncResult }
	| { readonly type: "outcome"; readonly results: readonly SyncResult[]; readonly interrupted: boolean };

export interface SyncOptions {
	readonly env: Environment;
	/** Default: every git-backed one. */
	readonly ids?: readonly string[] | undefined;
	/** Adopt a rewritten upstream if no local work would be lost. */
	readonly reset?: boolean | undefined;
	/** Concurrent benchmarks. Default 3. */
	readonly concurrency?: number | undefined;
	/** Per remote command. Default 600,000. */
	readonly timeoutMs?: number | undefined;
	/** How long to wait for another sync of the same directory. Default: `timeoutMs`. */
	readonly waitMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface StatusOptions {
	readonly env: Environment;
	/** Default: all. */
	readonly ids?: readonly string[] | undefined;
	/** Compare with the last known state of the remote, offline. */
	readonly offline?: boolean | undefined;
	/** Per remote command. Default 60,000. */
	readonly timeoutMs?: number | undefined;
	/** Concurrent benchmarks. Default 4. */
	readonly concurrency?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}
