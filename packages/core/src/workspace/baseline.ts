import { dirname, join } from "node:path";
import type { Environment } from "../io/environment.ts";
import { listTree } from "../io/files/list-tree.ts";
import { makeDirectory } from "../io/files/make-directory.ts";
import { settleTimes } from "../io/files/settle-times.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { renamePath, writeNewFile } from "../io/files/write-new.ts";
import { initRepository } from "../io/git/init-repository.ts";
import { type LocalGitOptions, localGit } from "../io/git/local-git.ts";
import { baselineIdentity, plainGitEnvironment, workspaceGitConfig } from "./workspace-git.ts";

export interface BaselineOptions {
	readonly env: Environment;
	readonly signal?: AbortSignal | undefined;
	/** Locations of repositories, relative to the root (`.`: the root itself). */
	readonly repositories: readonly string[];
	/** Directory for object stores that copies borrow from; created if missing. */
	readonly stores: string;
}

/** Larger object stores are not copied with every workspace. */
const largestCopiedStore = 1024 * 1024;
const mostCopiedObjects = 20;

/**
 * Makes the prepared directory the baseline: commits it, unless it is a repository, and makes
 * copies of it and git in them cheap. Repositories inside it keep their requested commit.
 */
export async function makeBaseline(root: string, options: BaselineOptions): Promise<void> {
	const git = { env: plainGitEnvironment(options.env), signal: options.signal };
	settleTimes(root, (path) => path !== ".git" && !path.endsWith("/.git"));
	const own = options.repositories.map((path) => join(root, path));
	if (pathKind(join(root, ".git")) === "missing") {
		await commitAll(root, options.repositories, git);
		own.push(root);
	} else if (!own.includes(root)) settleTimesOfGit(root);
	for (const [index, repository] of own.entries()) {
		if (pathKind(join(repository, ".git")) !== "directory") continue; // A hook removed it.
		await localGit(repository, ["update-index", "-q", "--refresh"], { ...git, okExitCodes: [0, 1] });
		shareObjects(join(repository, ".git/objects"), join(options.stores, String(index)));
		settleTimesOfGit(repository);
	}
}

/** The index keeps its real time: git treats entries as new as their index as possibly changed. */
function settleTimesOfGit(repository: string): void {
	if (pathKind(join(repository, ".git")) === "directory")
		settleTimes(join(repository, ".git"), (path) => path !== "index");
}

async function commitAll(root: string, repositories: readonly string[], options: LocalGitOptions): Promise<void> {
	const git = (args: readonly string[], more: Partial<LocalGitOptions> = {}) =>
		localGit(root, args, { ...options, ...more });
	initRepository(root, options);
	for (const [key, value] of workspaceGitConfig) await git(["config", key, value]);
	if (repositories.length > 0) {
		// Inner repositories are handled separately; the outer one ignores them.
		const lines = repositories.map((path) => `/${path.replace(/[*?[\]!\\# ]/g, "\\$&")}/\n`);
		writeNewFile(join(root, ".git/info/exclude"), lines.join(""));
	}
	await git(["add", "--all"]);
	await git(["commit", "--quiet", "--allow-empty", "--no-verify", "--message", "baseline"], {
		variables: baselineIdentity,
	});
}

/** Moves a large object store out of the copied tree; the repository then borrows from it. */
function shareObjects(objects: string, store: string): void {
	const files = listTree(objects).filter(({ kind }) => kind === "file");
	const bytes = files.reduce((sum, { size }) => sum + size, 0);
	if (bytes <= largestCopiedStore && files.length <= mostCopiedObjects) return;
	makeDirectory(dirname(store));
	renamePath(objects, store);
	makeDirectory(join(objects, "info"));
	makeDirectory(join(objects, "pack"));
	writeNewFile(join(objects, "info/alternates"), `${store}\n`);
}
