import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import type { Environment } from "../io/environment.ts";
import { makeDirectory } from "../io/files/make-directory.ts";
import { moveIntoPlace } from "../io/files/move-into-place.ts";
import { canReplaceDirectory } from "../io/files/replaceable.ts";
import { realPath } from "../io/files/stat-path.ts";
import { throwIfAborted } from "../io/files/throw-if-aborted.ts";
import { localGit } from "../io/git/local-git.ts";
import { readPlainHead, readPlainRefs } from "../io/git/plain-refs.ts";
import { remoteGit } from "../io/git/remote-git.ts";
import { openClone } from "./clone-git.ts";
import { type FetchSettings, fetchContents } from "./fetch-tip.ts";
import { removeJournal, writeJournal } from "./journal.ts";
import { baseRef, type LocalClone, remoteRef } from "./look-local.ts";
import type { Wanted } from "./look-remote.ts";
import { emptyTree, restoreWorkTree } from "./recover.ts";
import { withWorkshop } from "./workshop.ts";

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
