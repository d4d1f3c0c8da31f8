import type { Environment } from "../machine/environment.ts";
import type { GitProgress } from "../machine/git.ts";
import type { CloneState, Observation, Wanted } from "./observation.ts";

export interface Decision extends Pick<SyncPlan, "from" | "to" | "message"> {
	readonly action: Exclude<SyncAction, "skip">;
}

type Choice = Pick<Decision, "action" | "message">;

/**
 * Reports the first obstacle.
 * @param reset adopt a rewritten upstream if no local work would be lost
 */
export function makePlan(observation: Observation, reset: boolean): Decision {
	const { action, message } = choose(observation, reset);
	const { clone, remote } = observation;
	return { action, from: clone?.sha ?? null, to: remote.wanted?.sha ?? null, message };
}

function refuse(message: string): Choice {
	return { action: "refuse", message };
}

function choose({ disk, foreign, path, clone, remote }: Observation, reset: boolean): Choice {
	if (disk === "foreign") return refuse(`${foreign}; move it away, or change the benchmark's path`);
	const standing = clone && standingObstacle(clone, path);
	if (standing !== undefined) return refuse(standing);
	const { wanted, problem } = remote;
	if (problem) return refuse(sentence(problem.message, problem.hint));
	if (!clone) return { action: "clone", message: `clone ${wanted.name} at ${short(wanted.sha)}` };
	if (clone.urlChanged && !clone.sameHistory)
		return refuse("the URL changed to a repository without common history with the clone; move the clone away");
	const choice = isOnWantedRef(clone, wanted) ? onTheRef(clone, wanted, reset) : toAnotherRef(clone, wanted);
	if (choice.action === "refuse") return choice;
	if (choice.action === "none")
		return clone.urlChanged ? { action: "move", message: "the URL changed; the commit is the same" } : choice;
	const inTheWay = editsInTheWay(clone);
	if (inTheWay.length === 0) return choice;
	return refuse(`local edits would be overwritten (${listed(inTheWay)}); commit, stash or remove them`);
}

function standingObstacle({ underWay, refusedKey, sha }: CloneState, path: string): string | undefined {
	if (underWay === "lock")
		return `${path}/.git/index.lock exists: another git process is running there, or was interrupted; if none is running, remove the file`;
	if (underWay !== undefined)
		return `a ${underWay} is in progress in ${path}; finish it or abort it (git ${givingUp(underWay)})`;
	if (refusedKey !== undefined)
		return `the clone's configuration sets ${refusedKey}, which runs a program; remove it (git config --unset)`;
	return sha === undefined ? `the repository at ${path} has no commit checked out; move it away` : undefined;
}

function givingUp(operation: string): string {
	if (operation === "bisect") return "bisect reset";
	return `${operation.replace(/ or .*/, "")} --abort`;
}

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

function onTheRef(clone: CloneState, wanted: Wanted, reset: boolean): Choice {
	const { ahead, behind } = clone.relation ?? { ahead: 0, behind: 0 };
	const span = `${short(clone.sha)} to ${short(wanted.sha)}`;
	const isAhead = `the clone has ${commits(ahead)} that the remote does not have`;
	switch (revisionOf(clone, wanted)) {
		case "synced":
			return { action: "none", message: `already at ${short(wanted.sha)}` };
		case "behind":
			if (wanted.kind !== "branch") return { action: "move", message: `${wanted.name} moved: ${span}` };
			return { action: "update", message: `${span}, ${commits(behind)}` };
		case "ahead":
			return refuse(`${isAhead}; push or move them away`);
		case "diverged":
			return refuse(`${isAhead}, and the remote has ${commits(behind)} more; rebase or move them away`);
		case "rewritten": {
			if (!reset)
				return refuse(`upstream was rewritten (${span}); accept it with --reset, which never loses local work`);
			const tracked = clone.edits.filter(({ isTracked }) => isTracked).map(({ path }) => path);
			if (tracked.length === 0) return { action: "adopt", message: `accept the rewritten upstream: ${span}` };
			return refuse(
				`upstream was rewritten, and local edits would be lost (${listed(tracked)}); commit or remove them`,
			);
		}
	}
}

function toAnotherRef(clone: CloneState, wanted: Wanted): Choice {
	const { branch, sha, relation } = clone;
	const specified = `the registry specifies ${wanted.name}`;
	if (!isWhereWeLeftIt(clone)) {
		const current = branch === undefined ? `commit ${short(sha)}` : `branch ${branch}`;
		return refuse(`${current} was checked out manually, but ${specified}; ${wayBack(clone, wanted)}`);
	}
	if (relation?.hasLocalCommits)
		return refuse(`the clone has local commits on ${branch ?? "no branch"}, but ${specified}; push or move them away`);
	if (clone.targetHasLocalCommits)
		return refuse(`branch ${wanted.name} has local commits in the clone; push or move them away`);
	return { action: "move", message: `move to ${wanted.name}: ${short(sha)} to ${short(wanted.sha)}` };
}

function wayBack(clone: CloneState, wanted: Wanted): string {
	if (wanted.kind === "branch") return `switch back (git switch ${wanted.name})`;
	return clone.base === undefined ? "move the clone away" : `switch back (git switch --detach ${short(clone.base)})`;
}

type CloneRevision = "synced" | "behind" | "ahead" | "diverged" | "rewritten";

export function revisionOf(clone: CloneState, wanted: Wanted): CloneRevision {
	if (clone.sha === wanted.sha) return "synced";
	const { relation } = clone;
	if (!relation || wanted.kind !== "branch") return relation?.hasLocalCommits ? "diverged" : "behind";
	if (relation.ahead === 0) return "behind";
	if (!relation.hasLocalCommits) return "rewritten";
	return relation.behind === 0 ? "ahead" : "diverged";
}

function editsInTheWay({ edits, incoming }: CloneState): string[] {
	if (edits.length === 0) return [];
	const whole = new Set(incoming);
	const changing = new Set(incoming.flatMap(withParents));
	const isInTheWay = ({ path, isTracked }: CloneState["edits"][number]) =>
		(!isTracked && changing.has(path)) || withParents(path).some((part) => whole.has(part));
	return edits.filter(isInTheWay).map(({ path }) => path);
}

function withParents(path: string): string[] {
	const paths = [path];
	for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1))
		paths.push(path.slice(0, slash));
	return paths;
}

export function short(sha: string | null | undefined): string {
	return sha ? sha.slice(0, 12) : "nothing";
}

export function commits(count: number): string {
	return count === 1 ? "1 commit" : `${count} commits`;
}

export function listed(paths: readonly string[]): string {
	const shown = paths.slice(0, 3).join(", ");
	return paths.length > 3 ? `${shown} and ${paths.length - 3} more` : shown;
}

export function sentence(message: string, hint: string | undefined): string {
	if (hint === undefined) return message;
	return `${message}; ${hint.charAt(0).toLowerCase()}${hint.slice(1).replace(/\.$/, "")}`;
}

/** `current`: nothing to do. `skipped`: a local one that was not specified. */
export type SyncOutcome = "synced" | "current" | "skipped" | "refused" | "failed";

/** Changed or added by this sync, and executed by the next run. */
export interface ExecutableChange {
	readonly kind: "hook" | "grader" | "extension" | "target" | "command";
	/** The command line, or the path relative to the benchmark. */
	readonly what: string;
	/** Relative to the benchmark. */
	readonly eval: string;
	readonly change: "added" | "changed";
}

export interface TouchedEval {
	/** Relative to the benchmark. */
	readonly file: string;
	readonly change: "added" | "changed" | "removed";
	/** Ids of tests that differ, or that use a changed file. */
	readonly tests: readonly string[];
}

export interface SyncChanges {
	/** Between the two; null if the history is unknown (pinned tags and SHAs). */
	readonly commits: number | null;
	readonly added: readonly string[];
	readonly changed: readonly string[];
	readonly removed: readonly string[];
	readonly evals: readonly TouchedEval[];
	readonly executes: readonly ExecutableChange[];
}

type SyncAction = "clone" | "update" | "move" | "adopt" | "none" | "skip" | "refuse";

/** The dry run and Studio's preview print it; the sync applies it. */
export interface SyncPlan {
	readonly id: string;
	/** `adopt`: a rewritten upstream, by `reset`. */
	readonly action: SyncAction;
	readonly from: string | null;
	readonly to: string | null;
	/** What is done, or why not and what the user can do, in one sentence. */
	readonly message: string;
	/** Null if nothing would change, and for a missing clone, of which only the revision is known. */
	readonly changes: SyncChanges | null;
}

export interface SyncResult extends Pick<SyncPlan, "id" | "from" | "to" | "message"> {
	readonly outcome: SyncOutcome;
	/** Relative to the benchmark; empty if the work tree is clean. */
	readonly edits: readonly string[];
	/** Null if no file changed, and for a first clone. */
	readonly changes: SyncChanges | null;
}

/** In order for each benchmark; `outcome` comes once, last. */
export type SyncEvent =
	| { readonly type: "started"; readonly id: string }
	| { readonly type: "waiting"; readonly id: string; readonly pid: number }
	| { readonly type: "recovered"; readonly id: string; readonly message: string }
	/** `phase` as git names it: `Receiving objects`; percent 0 to 100. */
	| ({ readonly type: "progress"; readonly id: string } & Omit<GitProgress, "remote">)
	| { readonly type: "planned"; readonly id: string; readonly plan: SyncPlan }
	| { readonly type: "finished"; readonly id: string; readonly result: SyncResult }
	| { readonly type: "outcome"; readonly results: readonly SyncResult[]; readonly interrupted: boolean };

export interface SyncOptions {
	readonly env: Environment;
	/** Default: every git-backed benchmark. */
	readonly ids?: readonly string[] | undefined;
	/** Adopts a rewritten upstream if no local work would be lost. */
	readonly reset?: boolean | undefined;
	/** Concurrent benchmarks. Default 3. */
	readonly concurrency?: number | undefined;
	/** Per remote command. Default 600,000. */
	readonly timeoutMs?: number | undefined;
	/** Milliseconds to wait for another sync of the same directory. Default: `timeoutMs`. */
	readonly waitMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
}

/** Defaults: all benchmarks, 60,000 ms, 4 concurrent ones. */
export interface StatusOptions extends Omit<SyncOptions, "reset" | "waitMs"> {
	/** Compares with the last known state of the remote, offline. */
	readonly offline?: boolean | undefined;
}
