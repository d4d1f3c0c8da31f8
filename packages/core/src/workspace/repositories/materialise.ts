import type { Environment } from "../../io/environment.ts";
import { makeDirectory } from "../../io/files/make-directory.ts";
import { removeTree } from "../../io/files/remove-tree.ts";
import { initRepository } from "../../io/git/init-repository.ts";
import { type GitAnswer, localGit } from "../../io/git/local-git.ts";
import { remoteGit } from "../../io/git/remote-git.ts";
import { plainGitEnvironment, workspaceGitConfig } from "../workspace-git.ts";
import type { MirroredCommit } from "./mirror.ts";

export interface CheckoutOptions {
	/** Paths (or patterns) to check out; default everything. */
	readonly sparse?: readonly string[] | undefined;
	readonly env: Environment;
	readonly signal?: AbortSignal | undefined;
}

/**
 * Creates a repository at `directory` with a commit and its history only: no later commit, not even
 * as an object; one branch; no remote, reflog, hook, or external setting. Existing files are
 * replaced by the commit's.
 */
export async function materialise(commit: MirroredCommit, directory: string, options: CheckoutOptions): Promise<void> {
	const { signal } = options;
	// Filters and line-ending settings of the user must not change the commit's content.
	const env = plainGitEnvironment(options.env);
	const config = [["core.logAllRefUpdates", "false"] as const];
	const git = (args: readonly string[]): Promise<GitAnswer> => localGit(directory, args, { env, signal, config });
	const branch = commit.branch ?? "main";
	makeDirectory(directory);
	initRepository(directory, { env, sha256: commit.sha.length === 64 });
	const fetch = ["--quiet", "--no-tags", "--update-shallow", "--no-write-fetch-head"];
	// Fetch by the commit alone: the packs then only contain what it reaches.
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

/** An entry of a repository's index that `sparse` includes. */
export interface CheckedOutFile {
	/** In git's format: `160000` is a submodule. */
	readonly mode: string;
	/** For a submodule its commit. */
	readonly sha: string;
	/** Relative to the repository. */
	readonly path: string;
}

/** Lists what is checked out in a repository created by `materialise`. */
export async function checkedOutFiles(
	directory: string,
	{ env, signal }: Pick<CheckoutOptions, "env" | "signal">,
): Promise<CheckedOutFile[]> {
	const { stdout } = await localGit(directory, ["ls-files", "-z", "-t", "--stage"], {
		env: plainGitEnvironment(env),
		signal,
	});
	return stdout.split("\0").flatMap((entry) => {
		// `S` marks what is excluded.
		const [, tag, mode, sha, path] = /^(\S) (\d+) ([0-9a-f]+) \d\t(.*)$/s.exec(entry) ?? [];
		return mode && sha && path && tag !== "S" ? [{ mode, sha, path }] : [];
	});
}
