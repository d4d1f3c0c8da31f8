import { dirname, join, resolve } from "node:path";
import { pathKind, targetKind } from "../files/stat-path.ts";
import { type LocalGitOptions, localGit, localGitSync } from "./local-git.ts";

/** `env`, and the options of `foreignRepository` for repositories that AgentV did not create. */
export type GitReadOptions = Pick<LocalGitOptions, "env" | "signal" | "config" | "variables">;

/** `status` is that of `git status --porcelain` (`??` is untracked). */
export interface ChangedFile {
	/** Relative to the repository's root, `/` between components. */
	readonly path: string;
	readonly status: string;
}

/** Returns the root of the repository that contains `directory`, without starting git. */
export function repositoryRoot(directory: string): string | undefined {
	for (let at = resolve(directory); ; at = dirname(at)) {
		const marker = join(at, ".git");
		// An empty directory named .git is not a repository, neither for git.
		if (targetKind(marker) === "file" || isHead(join(marker, "HEAD"))) return at;
		if (dirname(at) === at) return undefined;
	}
}

/** Accepts a link, which older versions of git created; git would wait for a pipe. */
function isHead(path: string): boolean {
	return ["file", "link"].includes(pathKind(path)) && targetKind(path) !== "other";
}

/** Returns the SHA of HEAD; undefined before the first commit. */
export async function headCommit(root: string, options: GitReadOptions): Promise<string | undefined> {
	const answer = await localGit(root, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], {
		...options,
		okExitCodes: [0, 1],
	});
	return answer.stdout.trim() || undefined;
}

/** Returns the checked-out branch (also without commits); undefined if HEAD is detached. */
export async function currentBranch(root: string, options: GitReadOptions): Promise<string | undefined> {
	const answer = await localGit(root, ["symbolic-ref", "--quiet", "--short", "HEAD"], {
		...options,
		okExitCodes: [0, 1],
	});
	return answer.stdout.trim() || undefined;
}

/** Returns what differs from HEAD, with untracked files, without ignored ones. */
export async function changedFiles(
	root: string,
	options: GitReadOptions,
	paths: readonly string[] = [],
): Promise<ChangedFile[]> {
	const args = ["status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty"];
	const answer = await localGit(root, [...args, "--", ...literal(paths)], options);
	return zeroSeparated(answer.stdout).map((entry) => ({ status: entry.slice(0, 2), path: entry.slice(3) }));
}

export async function isDirty(root: string, options: GitReadOptions): Promise<boolean> {
	return (await changedFiles(root, options)).length > 0;
}

/** Returns every path of the index, relative to the root, in byte order. */
export async function trackedFiles(root: string, options: GitReadOptions): Promise<string[]> {
	return zeroSeparated((await localGit(root, ["ls-files", "-z"], options)).stdout);
}

export function trackedFilesSync(root: string, options: GitReadOptions): string[] {
	return zeroSeparated(localGitSync(root, ["ls-files", "-z"], options).stdout);
}

/** Paths are relative to the root, or absolute; tracked files are never ignored. */
export async function ignoredFiles(
	root: string,
	paths: readonly string[],
	options: GitReadOptions,
): Promise<Set<string>> {
	if (paths.length === 0) return new Set();
	const input = `${paths.join("\0")}\0`;
	const answer = await localGit(root, ["check-ignore", "-z", "--stdin"], { ...options, input, okExitCodes: [0, 1] });
	return new Set(zeroSeparated(answer.stdout));
}

/** Returns the configured URL of a remote: redact it before showing. */
export async function remoteUrl(root: string, options: GitReadOptions, remote = "origin"): Promise<string | undefined> {
	const answer = await localGit(root, ["config", "--get", `remote.${remote}.url`], { ...options, okExitCodes: [0, 1] });
	return answer.stdout.replace(/\n$/, "") || undefined;
}

function zeroSeparated(text: string): string[] {
	return text.split("\0").filter((part) => part !== "");
}

/** Returns pathspecs that git doesn't read as patterns. */
function literal(paths: readonly string[]): string[] {
	return paths.map((path) => `:(literal)${path}`);
}
