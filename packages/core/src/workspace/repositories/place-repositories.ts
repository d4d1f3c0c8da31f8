import pLimit from "p-limit";
import type { WorkspaceRepo } from "../../model/eval-types.ts";
import type { RepositoryRecord } from "../contract.ts";
import { pathWithin } from "../safe-path.ts";
import { mirrorCommit } from "./mirror.ts";
import { placeWithSubmodules } from "./place-submodules.ts";
import { type RepositoryServices, repositorySource } from "./repository-source.ts";

/** More concurrent fetches are not faster. */
const atOnce = 3;

export interface PlacedRepositories {
	/** One for each repository of the workspace, in order. */
	readonly records: readonly RepositoryRecord[];
	/** Locations of all repositories, including submodules, relative to the workspace. */
	readonly paths: readonly string[];
}

/**
 * Creates a workspace's repositories below `root`, a real path, and returns their commits. @throws
 * AgentvError
 */
export async function placeRepositories(
	repos: readonly WorkspaceRepo[],
	root: string,
	services: RepositoryServices,
): Promise<PlacedRepositories> {
	// Checked before anything is fetched; and again below, after the preceding ones are in place.
	for (const repo of repos) pathWithin(root, repo.path, "the path of a repository");
	const limit = pLimit(atOnce);
	const commits = await Promise.allSettled(
		repos.map((repo) =>
			limit(async () => {
				const source = repositorySource(repo, services);
				const known = services.recordedCommit?.(repo);
				const [commit, ancestor] = known === undefined ? [repo.commit, repo.ancestor] : [known, 0];
				return { source, commit: await mirrorCommit(source, commit, ancestor, services) };
			}),
		),
	);
	try {
		const records: RepositoryRecord[] = [];
		const paths: string[] = [];
		for (const [index, repo] of repos.entries()) {
			const outcome = commits[index];
			if (outcome?.status !== "fulfilled") throw outcome?.reason;
			const fetched = outcome.value;
			const { path, sparse } = repo;
			const placed = await placeWithSubmodules({ ...fetched, path, sparse }, root, services);
			paths.push(...placed.map((one) => one || "."));
			records.push({
				path: repo.path === "" ? "." : repo.path,
				repo: fetched.source.shown,
				...(repo.commit === undefined ? {} : { requested: repo.commit }),
				...(repo.ancestor === 0 ? {} : { ancestor: repo.ancestor }),
				sha: fetched.commit.sha,
			});
		}
		return { records, paths };
	} finally {
		for (const outcome of commits) if (outcome.status === "fulfilled") outcome.value.commit.release();
	}
}
