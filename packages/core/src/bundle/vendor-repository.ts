import { join } from "node:path";
import { agentvHome, type Environment } from "../io/environment.ts";
import { makeDirectory } from "../io/files/make-directory.ts";
import { withTempDir } from "../io/files/temp-dir.ts";
import { initRepository } from "../io/git/init-repository.ts";
import { localGit } from "../io/git/local-git.ts";
import { remoteGit } from "../io/git/remote-git.ts";
import { type MirroredCommit, mirrorCommit } from "../workspace/repositories/mirror.ts";
import type { VendorStep } from "./pinned-repositories.ts";

/**
 * Writes a git bundle file with a commit and its history, and nothing later, to `file` (absolute).
 * @throws GitError where the repository can't be reached
 */
export async function vendorRepository(
	step: VendorStep,
	file: string,
	{ env, signal }: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<void> {
	const commit = await mirrorCommit(step.source, step.sha, 0, { env, agentvHome: agentvHome(env), signal });
	try {
		await writeGitBundle(commit, step.branch, file, { env, signal });
	} finally {
		commit.release();
	}
}

async function writeGitBundle(
	{ mirror, sha }: MirroredCommit,
	name: string,
	file: string,
	{ env, signal }: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<void> {
	await withTempDir("agentv-vendor-", async (directory) => {
		const bare = join(directory, "repository.git");
		makeDirectory(bare);
		initRepository(bare, { env, bare: true, sha256: sha.length === 64 });
		await remoteGit(bare, ["fetch", "--quiet", "--no-tags", "--update-shallow", "--", mirror, sha], { env, signal });
		const branch = `refs/heads/${name}`;
		const git = (args: readonly string[]) => localGit(bare, args, { env, signal });
		await git(["update-ref", branch, sha]);
		await git(["symbolic-ref", "HEAD", branch]);
		// Names behind `--` would be taken for paths; both are our own or were checked when they were asked for.
		await git(["bundle", "create", "--quiet", file, "HEAD", branch]);
	});
}
