import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { workshopPrefix } from "../eval/run-digest.ts";
import { makeDirectory, makeOwnedDir, sweepStaged, withTempDir } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { pathKind, realPath, removeTree, targetKind, throwIfAborted } from "../machine/files.ts";
import { type GitConfig, localGit, remoteGit } from "../machine/git.ts";
import { GitError } from "../machine/git-error.ts";
import { readPlainHead, readPlainRefs } from "../machine/git-repository.ts";
import { canReplaceDirectory, moveIntoPlace } from "../machine/write-file.ts";
import { clearNames, type Decision, listed } from "./make-plan.ts";
import {
	baseRef,
	type Edit,
	fetchedCommit,
	type LocalClone,
	openClone,
	type RemoteSettings,
	remoteRef,
	type Wanted,
} from "./observation.ts";
import {
	emptyTree,
	readJournal,
	recover,
	removeJournal,
	restoreWorkTree,
	undo,
	withJournal,
	writeJournal,
} from "./recover.ts";

/**
 * Clones the wanted commit, shallow and blob-filtered, next to `path` and renames it: readers see
 * nothing or all of it. Only in a mount point, which can't be replaced, files are written one by
 * one. Returns the cloned commit.
 * @throws GitError, AgentvError
 */
export async function makeClone(path: string, wanted: Wanted, settings: FetchSettings): Promise<string> {
	const goal = realPath(path);
	makeDirectory(dirname(goal));
	if (!canReplaceDirectory(goal)) return cloneInPlace(goal, wanted, settings);
	const sha = await withWorkshop(goal, dirname(goal), async (workshop) => {
		const made = join(workshop, "clone");
		await clone(made, wanted, settings, []);
		const got = await mark(made, settings.env);
		throwIfAborted(settings.signal, "cloning");
		return moveIntoPlace(made, goal) ? got : undefined;
	});
	return sha ?? cloneInPlace(goal, wanted, settings);
}

async function cloneInPlace(goal: string, wanted: Wanted, settings: FetchSettings): Promise<string> {
	const sha = await withWorkshop(goal, goal, async (workshop) => {
		const made = join(workshop, "clone");
		await clone(made, wanted, settings, ["--no-checkout"]);
		const got = await mark(made, settings.env);
		await fetchContents(await justMade(made, settings.env), got, settings);
		throwIfAborted(settings.signal, "cloning");
		writeJournal(join(made, ".git"), journalOf(got));
		moveIntoPlace(join(made, ".git"), join(goal, ".git"));
		return got;
	});
	await restoreWorkTree(await openClone(goal, settings.env), journalOf(sha));
	removeJournal(join(goal, ".git"));
	return sha;
}

function journalOf(to: string) {
	const token = randomBytes(12).toString("hex");
	return { version: 1, token, startedAt: Date.now(), phase: "work-tree", from: emptyTree(to), to, edits: [] } as const;
}

async function justMade(root: string, env: Environment): Promise<LocalClone> {
	const git = await openClone(root, env);
	const head = { branch: undefined, sha: undefined };
	return { git, head, refs: new Map(), isOurs: true, isOrigin: true, underWay: undefined };
}

async function clone(goal: string, wanted: Wanted, settings: FetchSettings, flags: readonly string[]): Promise<void> {
	const { url, ...remote } = settings;
	if (wanted.kind !== "branch") return cloneCommit(goal, wanted, settings, flags);
	const depth = ["--depth", "1", "--filter=blob:none", "--single-branch", "--no-tags", "--no-local"];
	const branch = ["--branch", wanted.name, "--config", `agentv.ref=${wanted.ref}`, "--no-recurse-submodules"];
	const args = ["clone", "--progress", "--origin", "origin", ...depth, ...branch, ...flags, "--", url, goal];
	await remoteGit("/", args, { ...remote, config: [["clone.rejectShallow", "false"]] });
}

/** `clone --branch` supports no SHA, and no tag with a branch's name. */
async function cloneCommit(
	goal: string,
	wanted: Wanted,
	settings: FetchSettings,
	flags: readonly string[],
): Promise<void> {
	const { url, ...remote } = settings;
	const { env } = settings;
	const format = `--object-format=${wanted.sha.length === 64 ? "sha256" : "sha1"}`;
	makeDirectory(goal);
	await localGit(goal, ["init", "--quiet", format], { env });
	await localGit(goal, ["remote", "add", "--no-tags", "--", "origin", url], { env });
	await localGit(goal, ["config", "agentv.ref", wanted.ref], { env });
	const fetch = ["fetch", "--progress", "--depth", "1", "--no-tags", "--filter=blob:none", "--no-write-fetch-head"];
	// The directory in the arguments lets a later sync find this git if it outlives us.
	const marked = ["-c", `agentv.token=${goal}`];
	await remoteGit(goal, [...marked, ...fetch, "--", "origin", `+${wanted.ref}:${remoteRef}`], remote);
	if (flags.includes("--no-checkout")) {
		await localGit(goal, ["update-ref", "--no-deref", "HEAD", `${remoteRef}^{commit}`], { env });
		return;
	}
	await remoteGit(
		goal,
		[...marked, "checkout", "--progress", "--detach", "--no-guess", `${remoteRef}^{commit}`, "--"],
		remote,
	);
}

/** Records in a new clone what was synced, and returns its commit. */
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

/** Settings for a fetch from a benchmark's remote. */
interface FetchSettings extends RemoteSettings {
	/** Without credentials. */
	readonly url: string;
}

/** Adds a journal's mark to git's arguments. */
export type Marked = (args: readonly string[]) => string[];

/** Returns whether the commit is in the clone's own store. Offline. */
export async function isHere({ git, head, refs }: LocalClone, sha: string): Promise<boolean> {
	if (sha === head.sha || [...refs.values()].includes(sha)) return true;
	// With --missing, git does not fetch it.
	const args = ["rev-list", "--missing=allow-any", "--no-walk", "--max-count=1", sha, "--"];
	return (await git.local(args, { okExitCodes: [0, 128] })).stdout.trim() === sha;
}

/**
 * Fetches the wanted commit into `refs/agentv/remote` only, and returns its current SHA (it can
 * have moved).
 * @throws GitError
 */
export async function fetchTip(
	clone: LocalClone,
	wanted: Wanted,
	settings: FetchSettings,
	marked: Marked,
): Promise<string> {
	// Never fetch a branch with --depth: its history would not reach the checked-out commit.
	const depth = wanted.kind !== "branch" && isShallow(clone) ? ["--depth", "1"] : [];
	const options = ["--progress", "--no-tags", "--refmap=", "--no-write-fetch-head", ...depth];
	await fetch(clone, marked(["fetch", ...options, "--", "origin", `+${wanted.ref}:${remoteRef}`]), settings);
	return fetchedCommit(clone.git);
}

/** Returns whether the history ends at a commit whose parents were not fetched. */
export function isShallow({ git }: LocalClone): boolean {
	return targetKind(`${git.gitDir}/shallow`) === "file";
}

/**
 * Fetches the history of a branch that a shallow clone lacks. Fetching a tag or commit can have cut
 * it off between HEAD and the tip.
 * @throws GitError
 */
export async function fetchHistory(
	clone: LocalClone,
	wanted: Wanted,
	settings: FetchSettings,
	marked: Marked,
): Promise<void> {
	const options = ["--progress", "--unshallow", "--no-tags", "--refmap=", "--no-write-fetch-head"];
	await fetch(clone, marked(["fetch", ...options, "--", "origin", `+${wanted.ref}:${remoteRef}`]), settings);
}

function fetch(
	clone: LocalClone,
	args: readonly string[],
	settings: FetchSettings,
	input?: string,
	config?: GitConfig,
) {
	const { url, ...remote } = settings;
	const { originUrl } = clone.git;
	// The clone's configuration has the old URL until the clone has moved.
	const moved: GitConfig =
		originUrl === undefined
			? [["remote.origin.url", url]]
			: originUrl === url
				? []
				: [[`url.${url}.insteadOf`, originUrl]];
	return clone.git.remote(args, { ...remote, input, config: [...moved, ...(config ?? [])] });
}

/**
 * Fetches file contents of `commit` that a blob-filtered clone lacks, in one request, so that
 * checking it out works offline. One local command if nothing is missing.
 * @throws GitError
 */
async function fetchContents(
	clone: LocalClone,
	commit: string,
	settings: FetchSettings,
	marked: Marked = (args) => [...args],
): Promise<void> {
	const { stdout } = await clone.git.local(["rev-list", "--objects", "--missing=print", "--no-walk", commit, "--"]);
	const missing = stdout.split("\n").flatMap((line) => (line.startsWith("?") ? [line.slice(1)] : []));
	if (missing.length === 0) return;
	const options = ["--progress", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--stdin", "--", "origin"];
	await fetch(clone, marked(["fetch", ...options]), settings, `${missing.join("\n")}\n`, [
		["fetch.negotiationAlgorithm", "noop"],
	]);
}

/** Asks the remote directly. With `commit` it has the same history. */
export async function remoteHolds(commit: string, { url, ...settings }: FetchSettings): Promise<boolean> {
	return withTempDir("agentv-probe-", async (directory) => {
		await localGit(directory, ["init", "--quiet", "--bare"], { env: settings.env });
		try {
			await remoteGit(
				directory,
				["fetch", "--no-tags", "--filter=tree:0", "--depth", "1", "--", url, commit],
				settings,
			);
			return true;
		} catch (error) {
			if (error instanceof GitError && (error.reason === "ref-missing" || error.reason === "other")) return false;
			throw error;
		}
	});
}

/** Why git itself refused to change the work tree, which is then unchanged. */
export interface Refusal {
	readonly refused: string;
}

export interface UpdateSettings {
	readonly env: Environment;
	/** Without credentials. */
	readonly url: string;
}

/** Fetches missing file contents of the wanted commit: after that everything works offline. */
export async function fetchFiles(clone: LocalClone, wanted: Wanted, settings: FetchSettings): Promise<void> {
	if (clone.head.sha === wanted.sha) return;
	await withJournal(clone.git.gitDir, { phase: "fetch" }, (marked) =>
		fetchContents(clone, wanted.sha, settings, marked),
	);
	throwIfAborted(settings.signal, "the sync");
}

/**
 * Moves the clone's work tree to the wanted commit (whose files are available) by the plan, keeping
 * local edits and ignored files.
 * Offline; protected by a journal.
 * @throws GitError
 */
export async function updateClone(
	clone: LocalClone,
	decision: Decision,
	wanted: Wanted,
	edits: readonly Edit[],
	settings: UpdateSettings,
): Promise<Refusal | undefined> {
	const { git, head } = clone;
	const { gitDir } = git;
	const entry = {
		phase: "work-tree",
		from: head.sha ?? "",
		to: wanted.sha,
		edits: edits.map(({ path }) => path),
	} as const;
	try {
		await withJournal(gitDir, entry, async (marked) => {
			if (wanted.kind === "branch" && head.branch !== wanted.name) await clearNames(clone, wanted.name);
			if (needsMove(clone, wanted)) await git.shielded(marked(moveCommand(decision, wanted)));
			await settle(clone, wanted, settings.url);
		});
	} catch (error) {
		if (!(error instanceof GitError)) throw error;
		const refused = refusalOf(error);
		if (refused === undefined && error.exitCode === null) await recover(git.root, settings.env);
		else if (refused === undefined || refused.isHalfDone) await undo(git.root, settings.env);
		else removeJournal(gitDir);
		if (refused === undefined) throw error;
		return refused;
	}
	return undefined;
}

function needsMove({ head }: LocalClone, wanted: Wanted): boolean {
	return head.sha !== wanted.sha || head.branch !== (wanted.kind === "branch" ? wanted.name : undefined);
}

function moveCommand({ action }: Decision, { kind, name, sha }: Wanted): string[] {
	if (action === "update")
		return [
			"merge",
			"--quiet",
			"--ff-only",
			"--no-overwrite-ignore",
			"--no-autostash",
			"--no-stat",
			"--no-verify-signatures",
			sha,
		];
	const goal = kind === "branch" ? ["--no-track", "-C", name] : ["--detach"];
	return ["switch", "--quiet", "--no-overwrite-ignore", ...goal, sha];
}

/** Git's messages about another process's lock, or files that it would overwrite. */
function refusalOf({ stderr }: GitError): (Refusal & { readonly isHalfDone: boolean }) | undefined {
	const lock = /Unable to create '(.+\.lock)': File exists/.exec(stderr)?.[1];
	if (lock !== undefined)
		return {
			refused: `another git process is running in the clone (${lock} exists), or was interrupted; if none is running, remove the file`,
			isHalfDone: !lock.endsWith("/index.lock"),
		};
	if (!/would be overwritten|would lose untracked files|would be removed/.test(stderr)) return undefined;
	const files = [...stderr.matchAll(/^\t(.+)$/gm)].map((match) => match[1] ?? "");
	return {
		refused: `local files would be overwritten (${listed(files)}); move them away or commit them`,
		isHalfDone: false,
	};
}

/**
 * Records the clone's state in it: our refs, its ref, its URL, and the configuration for a plain
 * `git pull`. Only writes what differs; for a current clone that is nothing, without a git command.
 */
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
async function follow(git: LocalClone["git"], branch: string): Promise<void> {
	const former = git.syncedRef?.startsWith("refs/heads/") ? refspecOf(git.syncedRef.slice("refs/heads/".length)) : "";
	const answer = await git.local(["config", "--get-all", "remote.origin.fetch"], { okExitCodes: [0, 1] });
	const known = answer.stdout.split("\n");
	const refspec = refspecOf(branch);
	const isFollowed = known.includes(refspec) || known.includes("+refs/heads/*:refs/remotes/origin/*");
	const set = ["config", "--fixed-value", "--replace-all", "remote.origin.fetch", refspec, former];
	if (!isFollowed && known.includes(former)) await git.shielded(set);
	else if (!isFollowed) await git.shielded(["config", "--add", "remote.origin.fetch", refspec]);
	await git.shielded(["config", `branch.${branch}.remote`, "origin"]);
	await git.shielded(["config", `branch.${branch}.merge`, `refs/heads/${branch}`]);
}

function refspecOf(branch: string): string {
	return `+refs/heads/${branch}:refs/remotes/origin/${branch}`;
}

/** Runs `work` with a temporary directory inside `parent`, which is always removed afterwards. */
async function withWorkshop<T>(goal: string, parent: string, work: (workshop: string) => Promise<T>): Promise<T> {
	const workshop = makeOwnedDir(join(parent, `${workshopPrefix}${basename(goal)}-`));
	try {
		return await work(workshop);
	} finally {
		await removeTree(workshop);
	}
}

/** Removes leftovers next to `goal`, and in it unless there is a clone. */
export async function sweepWorkshops(goal: string): Promise<void> {
	const isClone = pathKind(join(goal, ".git")) !== "missing" && !readJournal(join(goal, ".git"));
	for (const parent of isClone ? [dirname(goal)] : [dirname(goal), goal]) await sweepStaged(parent);
}
