import { targetKind } from "../io/files/stat-path.ts";
import { withTempDir } from "../io/files/temp-dir.ts";
import type { GitConfig } from "../io/git/git-environment.ts";
import { GitError } from "../io/git/git-error.ts";
import { localGit } from "../io/git/local-git.ts";
import { remoteGit } from "../io/git/remote-git.ts";
import type { RemoteSettings } from "./clone-git.ts";
import { type LocalClone, remoteRef } from "./look-local.ts";
import type { Wanted } from "./look-remote.ts";
import { fetchedCommit } from "./relation.ts";

/** Settings for a fetch from a benchmark's remote. */
export interface FetchSettings extends RemoteSettings {
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
export async function fetchContents(
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
