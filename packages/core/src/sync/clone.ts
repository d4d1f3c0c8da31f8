import { basename, dirname, join } from "node:path";
import { workshopPrefix } from "../eval/run-digest.ts";
import { makeDirectory, makeOwnedDir, sweepStaged, withTempDir } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { pathKind, realPath, removeTree, targetKind, throwIfAborted } from "../machine/files.ts";
import { type GitConfig, GitError, localGit, remoteGit } from "../machine/git.ts";
import { readPlainHead, readPlainRefs } from "../machine/git-repository.ts";
import { canReplaceDirectory, moveIntoPlace } from "../machine/write-file.ts";
import { type Decision, listed } from "./make-plan.ts";
import {
	baseRef,
	type CloneGit,
	type LocalClone,
	namesInTheWay,
	openClone,
	type Remote,
	remoteRef,
	type Wanted,
} from "./observation.ts";
import {
	emptyTree,
	readJournal,
	recover,
	removeJournal,
	restoreWorkTree,
	startJournal,
	undo,
	withJournal,
} from "./recover.ts";

/**
 * Clones next to `path`, shallow and blob-filtered, and renames, so that readers see nothing or all
 * of it. Only in a mount point, which can't be replaced, files are written individually.
 * @returns the cloned commit
 * @throws GitError, AgentvError
 */
export async function makeClone(path: string, wanted: Wanted, remote: Remote): Promise<string> {
	const goal = realPath(path);
	makeDirectory(dirname(goal));
	if (!canReplaceDirectory(goal)) return cloneInPlace(goal, wanted, remote);
	const sha = await withWorkshop(goal, dirname(goal), async (made) => {
		await clone(made, wanted, remote, []);
		const got = await mark(made, remote.env);
		throwIfAborted(remote.signal, "cloning");
		return moveIntoPlace(made, goal) ? got : undefined;
	});
	return sha ?? cloneInPlace(goal, wanted, remote);
}

async function cloneInPlace(goal: string, wanted: Wanted, remote: Remote): Promise<string> {
	const journal = await withWorkshop(goal, goal, async (made) => {
		await clone(made, wanted, remote, ["--no-checkout"]);
		const to = await mark(made, remote.env);
		await fetchContents(await openClone(made, remote.env), to, remote);
		throwIfAborted(remote.signal, "cloning");
		const started = startJournal(join(made, ".git"), { phase: "work-tree", from: emptyTree(to), to, edits: [] });
		moveIntoPlace(join(made, ".git"), join(goal, ".git"));
		return { ...started, to };
	});
	await restoreWorkTree(await openClone(goal, remote.env), journal);
	removeJournal(join(goal, ".git"));
	return journal.to;
}

async function clone(goal: string, wanted: Wanted, remote: Remote, flags: readonly string[]): Promise<void> {
	if (wanted.kind !== "branch") return cloneCommit(goal, wanted, remote, flags);
	const depth = ["--depth", "1", "--filter=blob:none", "--single-branch", "--no-tags", "--no-local"];
	const branch = ["--branch", wanted.name, "--config", `agentv.ref=${wanted.ref}`, "--no-recurse-submodules"];
	const args = ["clone", "--progress", "--origin", "origin", ...depth, ...branch, ...flags, "--", remote.url, goal];
	await remoteGit("/", args, { ...remote, config: [["clone.rejectShallow", "false"]] });
}

/** `clone --branch` supports no SHA, and no tag with a branch's name. */
async function cloneCommit(goal: string, wanted: Wanted, remote: Remote, flags: readonly string[]): Promise<void> {
	const { env } = remote;
	makeDirectory(goal);
	await localGit(goal, ["init", "--quiet", `--object-format=${wanted.sha.length === 64 ? "sha256" : "sha1"}`], { env });
	await localGit(goal, ["remote", "add", "--no-tags", "--", "origin", remote.url], { env });
	await localGit(goal, ["config", "agentv.ref", wanted.ref], { env });
	const fetch = ["fetch", "--progress", "--depth", "1", "--no-tags", "--filter=blob:none", "--no-write-fetch-head"];
	// The directory in the arguments lets a later sync find this git process if AgentV is killed.
	const marked = ["-c", `agentv.token=${goal}`];
	await remoteGit(goal, [...marked, ...fetch, "--", "origin", `+${wanted.ref}:${remoteRef}`], remote);
	const commit = `${remoteRef}^{commit}`;
	if (flags.includes("--no-checkout")) await localGit(goal, ["update-ref", "--no-deref", "HEAD", commit], { env });
	else await remoteGit(goal, [...marked, "checkout", "--progress", "--detach", "--no-guess", commit, "--"], remote);
}

async function mark(root: string, env: Environment): Promise<string> {
	const gitDir = join(root, ".git");
	const head = readPlainHead(gitDir);
	const ref = `refs/heads/${head?.branch}`;
	const plain = head?.sha ?? readPlainRefs(gitDir, [ref])?.get(ref);
	const sha = plain ?? (await localGit(root, ["rev-parse", "--verify", "HEAD"], { env })).stdout.trim();
	const input = [baseRef, remoteRef].map((ref) => `update ${ref}\0${sha}\0\0`).join("");
	await localGit(root, ["update-ref", "-z", "--stdin"], { env, input });
	return sha;
}

/** Only searches the clone's own store. Offline. */
export async function isHere({ git, head, refs }: LocalClone, sha: string): Promise<boolean> {
	if (sha === head.sha || [...refs.values()].includes(sha)) return true;
	// With --missing, git does not fetch it.
	const args = ["rev-list", "--missing=allow-any", "--no-walk", "--max-count=1", sha, "--"];
	return (await git.local(args, { okExitCodes: [0, 128] })).stdout.trim() === sha;
}

export function isShallow({ git }: LocalClone): boolean {
	return targetKind(`${git.gitDir}/shallow`) === "file";
}

/** Fetches into `refs/agentv/remote` only, and returns the current SHA. @throws GitError */
export async function fetchTip(clone: LocalClone, wanted: Wanted, remote: Remote): Promise<string> {
	// Never fetch a branch with --depth: its history would not reach the checked-out commit.
	await fetchRef(clone.git, wanted, remote, wanted.kind !== "branch" && isShallow(clone) ? ["--depth", "1"] : []);
	return (await clone.git.local(["rev-parse", "--verify", `${remoteRef}^{commit}`])).stdout.trim();
}

/** Fetching a tag or commit can have cut off the history of a branch. @throws GitError */
export async function fetchHistory({ git }: LocalClone, wanted: Wanted, remote: Remote): Promise<void> {
	await fetchRef(git, wanted, remote, ["--unshallow"]);
}

async function fetchRef(git: CloneGit, wanted: Wanted, remote: Remote, depth: readonly string[]): Promise<void> {
	await fetch(git, remote, [...depth, "--refmap=", "--", "origin", `+${wanted.ref}:${remoteRef}`]);
}

/** Writes a journal, so that a later sync can end this git process if AgentV is killed. */
async function fetch(
	git: CloneGit,
	remote: Remote,
	args: readonly string[],
	{ input, config = [] }: { readonly input?: string; readonly config?: GitConfig } = {},
): Promise<void> {
	const { originUrl } = git;
	const options = ["fetch", "--progress", "--no-tags", "--no-write-fetch-head"];
	// The clone's configuration has the old URL until the clone has moved.
	const moved: GitConfig =
		originUrl === undefined
			? [["remote.origin.url", remote.url]]
			: originUrl === remote.url
				? []
				: [[`url.${remote.url}.insteadOf`, originUrl]];
	await withJournal(git.gitDir, { phase: "fetch" }, (marked) =>
		git.remote(marked([...options, ...args]), { ...remote, input, config: [...moved, ...config] }),
	);
}

/** Fetches missing contents in one request, so that checking out works offline. @throws GitError */
async function fetchContents(git: CloneGit, commit: string, remote: Remote): Promise<void> {
	const { stdout } = await git.local(["rev-list", "--objects", "--missing=print", "--no-walk", commit, "--"]);
	const missing = stdout.split("\n").flatMap((line) => (line.startsWith("?") ? [line.slice(1)] : []));
	if (missing.length === 0) return;
	await fetch(git, remote, ["--filter=blob:none", "--stdin", "--", "origin"], {
		input: `${missing.join("\n")}\n`,
		config: [["fetch.negotiationAlgorithm", "noop"]],
	});
}

/** A remote with `commit` has the same history. */
export async function remoteHolds(commit: string, remote: Remote): Promise<boolean> {
	return withTempDir("agentv-probe-", async (directory) => {
		await localGit(directory, ["init", "--quiet", "--bare"], { env: remote.env });
		try {
			const options = ["--no-tags", "--filter=tree:0", "--depth", "1"];
			await remoteGit(directory, ["fetch", ...options, "--", remote.url, commit], remote);
			return true;
		} catch (error) {
			if (error instanceof GitError && (error.reason === "ref-missing" || error.reason === "other")) return false;
			throw error;
		}
	});
}

/** Afterwards, the wanted commit is available offline. */
export async function fetchFiles({ git, head }: LocalClone, wanted: Wanted, remote: Remote): Promise<void> {
	if (head.sha === wanted.sha) return;
	await fetchContents(git, wanted.sha, remote);
	throwIfAborted(remote.signal, "the sync");
}

/**
 * Moves a clone to the wanted commit, keeping local edits and ignored files. Offline; protected by
 * a journal.
 * @param edits paths of local edits
 * @returns why git itself refused; then nothing has changed
 * @throws GitError
 */
export async function updateClone(
	clone: LocalClone,
	decision: Decision,
	wanted: Wanted,
	edits: readonly string[],
	remote: Remote,
): Promise<string | undefined> {
	const { git, head } = clone;
	const entry = { phase: "work-tree", from: head.sha ?? "", to: wanted.sha, edits } as const;
	try {
		await withJournal(git.gitDir, entry, async (marked) => {
			if (wanted.kind === "branch" && head.branch !== wanted.name) await clearNames(clone, wanted.name);
			if (needsMove(clone, wanted)) await git.shielded(marked(moveCommand(decision, wanted)));
			await settle(clone, wanted, remote.url);
		});
		return undefined;
	} catch (error) {
		if (!(error instanceof GitError)) throw error;
		const refusal = refusalOf(error);
		if (!refusal && error.exitCode === null) await recover(git.root, remote.env);
		else if (!refusal || refusal.isHalfDone) await undo(git.root, remote.env);
		else removeJournal(git.gitDir);
		if (!refusal) throw error;
		return refusal.message;
	}
}

/** Removes conflicting branches; the plan has checked that their commits are the remote's. */
async function clearNames(clone: LocalClone, name: string): Promise<void> {
	const { git, head } = clone;
	const conflicts = await namesInTheWay(clone, name);
	if (conflicts.size === 0 || head.sha === undefined) return;
	if (conflicts.has(`refs/heads/${head.branch}`)) await git.shielded(["update-ref", "--no-deref", "HEAD", head.sha]);
	const input = [...conflicts].map(([ref, sha]) => `delete ${ref}\0${sha}\0`).join("");
	await git.shielded(["update-ref", "-z", "--stdin"], { input });
}

function needsMove({ head }: LocalClone, wanted: Wanted): boolean {
	return head.sha !== wanted.sha || head.branch !== (wanted.kind === "branch" ? wanted.name : undefined);
}

function moveCommand({ action }: Decision, { kind, name, sha }: Wanted): string[] {
	const merge = "merge --quiet --ff-only --no-overwrite-ignore --no-autostash --no-stat --no-verify-signatures";
	if (action === "update") return [...merge.split(" "), sha];
	const goal = kind === "branch" ? ["--no-track", "-C", name] : ["--detach"];
	return ["switch", "--quiet", "--no-overwrite-ignore", ...goal, sha];
}

function refusalOf({ stderr }: GitError): { readonly message: string; readonly isHalfDone: boolean } | undefined {
	const lock = /Unable to create '(.+\.lock)': File exists/.exec(stderr)?.[1];
	if (lock !== undefined) {
		const message = `another git process is running in the clone (${lock} exists), or was interrupted; if none is running, remove the file`;
		return { message, isHalfDone: !lock.endsWith("/index.lock") };
	}
	if (!/would be overwritten|would lose untracked files|would be removed/.test(stderr)) return undefined;
	const files = [...stderr.matchAll(/^\t(.+)$/gm)].map((match) => match[1] ?? "");
	const message = `local files would be overwritten (${listed(files)}); move them away or commit them`;
	return { message, isHalfDone: false };
}

/** Only writes what differs, so a current clone needs no git command. */
export async function settle({ git, refs, isOrigin }: LocalClone, wanted: Wanted, url: string): Promise<void> {
	const tracking = wanted.kind === "branch" ? [`refs/remotes/origin/${wanted.name}`] : [];
	const updates = [baseRef, remoteRef, ...tracking].filter((ref) => refs.get(ref) !== wanted.sha);
	// Atomic, so that the base is never behind what is checked out.
	if (updates.length > 0)
		await git.shielded(["update-ref", "-z", "--stdin"], {
			input: updates.map((ref) => `update ${ref}\0${wanted.sha}\0\0`).join(""),
		});
	if (!isOrigin) await git.shielded(["config", "remote.origin.url", url]);
	if (git.syncedRef === wanted.ref) return;
	if (wanted.kind === "branch") await follow(git, wanted.name);
	await git.shielded(["config", "agentv.ref", wanted.ref]);
}

/** If the remote deleted the previous branch, every plain `git pull` would fail. */
async function follow(git: CloneGit, branch: string): Promise<void> {
	const previous = git.syncedRef?.startsWith("refs/heads/") ? refspecOf(git.syncedRef.slice("refs/heads/".length)) : "";
	const answer = await git.local(["config", "--get-all", "remote.origin.fetch"], { okExitCodes: [0, 1] });
	const known = answer.stdout.split("\n");
	const refspec = refspecOf(branch);
	const isFollowed = known.includes(refspec) || known.includes("+refs/heads/*:refs/remotes/origin/*");
	const set = ["config", "--fixed-value", "--replace-all", "remote.origin.fetch", refspec, previous];
	if (!isFollowed && known.includes(previous)) await git.shielded(set);
	else if (!isFollowed) await git.shielded(["config", "--add", "remote.origin.fetch", refspec]);
	await git.shielded(["config", `branch.${branch}.remote`, "origin"]);
	await git.shielded(["config", `branch.${branch}.merge`, `refs/heads/${branch}`]);
}

function refspecOf(branch: string): string {
	return `+refs/heads/${branch}:refs/remotes/origin/${branch}`;
}

/** The place for a clone is inside `parent`, and always removed afterwards. */
async function withWorkshop<T>(goal: string, parent: string, work: (clone: string) => Promise<T>): Promise<T> {
	const workshop = makeOwnedDir(join(parent, `${workshopPrefix}${basename(goal)}-`));
	try {
		return await work(join(workshop, "clone"));
	} finally {
		await removeTree(workshop);
	}
}

/** Removes leftovers next to `goal`, and in it unless there is a clone. */
export async function sweepWorkshops(goal: string): Promise<void> {
	const isClone = pathKind(join(goal, ".git")) !== "missing" && !readJournal(join(goal, ".git"));
	for (const parent of isClone ? [dirname(goal)] : [dirname(goal), goal]) await sweepStaged(parent);
}
