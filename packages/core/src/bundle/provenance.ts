import { relative, sep } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { redactUrl } from "../base/git-credentials.ts";
import type { Environment } from "../io/environment.ts";
import { foreignRepository } from "../io/git/foreign-repository.ts";
import { GitError } from "../io/git/git-error.ts";
import { currentBranch, headCommit, isDirty, remoteUrl, repositoryRoot } from "../io/git/repository.ts";
import { benchmarkOfFile } from "../model/benchmark-paths.ts";
import type { EvalScope } from "../model/eval-scope.ts";
import type { BundleManifest } from "../schema/bundle-manifest.ts";

export type BundleSource = BundleManifest["source"];

/** Where an eval came from: repository, commit, branch, local changes, and the benchmark that holds it. */
export async function provenance(file: string, scope: EvalScope, env: Environment): Promise<BundleSource> {
	const root = repositoryRoot(scope.directory);
	const git = root === undefined ? undefined : await gitFacts(root, env);
	return {
		eval: relative(root ?? scope.root, file)
			.split(sep)
			.join("/"),
		commit: git?.commit ?? null,
		branch: git?.branch ?? null,
		dirty: git?.dirty ?? null,
		remote: git?.remote === undefined ? null : redactUrl(git.remote),
		benchmark: await benchmark(file, env),
	};
}

async function gitFacts(root: string, env: Environment) {
	try {
		const options = { env, ...foreignRepository(root, env) };
		const [commit, branch, dirty, remote] = await Promise.all([
			headCommit(root, options),
			currentBranch(root, options),
			isDirty(root, options),
			remoteUrl(root, options),
		]);
		return { commit, branch, dirty, remote };
	} catch (error) {
		// Without git, or in a repository that git refuses, a bundle says less about where it came from.
		if (error instanceof GitError) return undefined;
		throw error;
	}
}

async function benchmark(file: string, env: Environment): Promise<BundleSource["benchmark"]> {
	try {
		const found = benchmarkOfFile(file, env);
		if (!found) return null;
		const root = found.isGitBacked ? repositoryRoot(found.root) : undefined;
		const git = root === undefined ? undefined : await gitFacts(root, env);
		return { id: found.id, revision: git?.commit ?? null };
	} catch (error) {
		// A registry that can't be read is the registry's trouble, not this eval's.
		if (error instanceof AgentvError) return null;
		throw error;
	}
}
