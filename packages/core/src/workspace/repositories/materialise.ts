import type { Environment } from "../../io/environment.ts";
import { makeDirectory } from "../../io/files/make-directory.ts";
import { removeTree } from "../../io/files/remove-tree.ts";
import { initRepository } from "../../io/git/init-repository.ts";
import { type GitAnswer, localGit } from "../../io/git/local-git.ts";
import { remoteGit } from "../../io/git/remote-git.ts";
import { plainGitEnvironment, workspaceGitConfig } from "../workspace-git.ts";
import type { MirroredCommit } from "./mirror.ts";

export interface CheckoutOptions {
	/** Paths (or patterns) that are checked out; everything if absent. */
	readonly sparse?: readonly string[] | undefined;
	readonly env: Environment;
	readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a repository at `directory` that holds a commit, its history and nothing else: no later commit, not even as an object; one branch;
 * no remote, reflog or hook, and no setting that leads anywhere. Files that are there already give way to the commit's.
 */
export async function materialise(commit: MirroredCommit, directory: string, options: CheckoutOptions): Promise<void> {
	const { signal } = options;
	// Neither filters nor line-ending habits of this machine's user may change what the commit holds.
	const env = plainGitEnvironment(options.env);
	const config = [["core.logAllRefUpdates", "false"] as const];
	const git = (args: readonly string[]): Promise<GitAnswer> => localGit(directory, args, { env, signal, config });
	const branch = commit.branch ?? "main";
	makeDirectory(directory);
	initRepository(directory, { env, sha256: commit.sha.length === 64 });
	const fetch = ["--quiet", "--no-tags", "--update-shallow", "--no-write-fetch-head"];
	// By the commit alone: the packs that come hold what it reaches, whatever else the cache has.
	await remoteGit(directory, ["fetch", ...fetch, "--", commit.mirror, commit.sha], {
		...{ env, signal },
		config: [["fetch.unpackLimit", "1"]],
	});
	await git(["update-ref", `refs/heads/${branch}`, commit.sha]);
	await git(["symbolic-ref", "HEAD", `refs/heads/${branch}`]);
	for (const [key, value] of workspaceGitConfig) await git(["config", key, value]);
	if (options.sparse && options.sparse.length > 0) {
		const cone = options.sparse.some((pattern) => /[*?[\]!\\]/.test(pattern)) ? "--no-cone" : "--cone";
		await git(["sparse-checkout", "set", cone, ...options.sparse.map((path) => path.replace(/^(\.?\/)+/, ""))]);
	}
	await git(["reset", "--quiet", "--hard", commit.sha]);
	for (const leftover of ["ORIG_HEAD", "FETCH_HEAD", "logs"]) await removeTree(`${directory}/.git/${leftover}`);
}

/** An entry of a repository's index that `sparse` did not leave out. */
export interface CheckedOutFile {
	/** As git writes it: `160000` is a submodule. */
	readonly mode: string;
	/** Of a submodule its commit. */
	readonly sha: string;
	/** Relative to the repository. */
	readonly path: string;
}

/** Lists what is checked out in a repository that `materialise` made. */
export async function checkedOutFiles(
	directory: string,
	{ env, signal }: Pick<CheckoutOptions, "env" | "signal">,
): Promise<CheckedOutFile[]> {
	const { stdout } = await localGit(directory, ["ls-files", "-z", "-t", "--stage"], {
		env: plainGitEnvironment(env),
		signal,
	});
	return stdout.split("\0").flatMap((entry) => {
		// `S` marks what is left out.
		const [, tag, mode, sha, path] = /^(\S) (\d+) ([0-9a-f]+) \d\t(.*)$/s.exec(entry) ?? [];
		return mode && sha && path && tag !== "S" ? [{ mode, sha, path }] : [];
	});
}
