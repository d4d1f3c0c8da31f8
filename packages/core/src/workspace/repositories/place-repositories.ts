import pLimit from "p-limit";
import type { WorkspaceRepo } from "../../model/eval-types.ts";
import type { RepositoryRecord } from "../contract.ts";
import { pathWithin } from "../safe-path.ts";
import { mirrorCommit } from "./mirror.ts";
import { placeWithSubmodules } from "./place-submodules.ts";
import { type RepositoryServices, repositorySource } from "./repository-source.ts";

/** More at once gain nothing. */
const atOnce = 3;

export interface PlacedRepositories {
	/** One for each repository of the workspace, in order. */
	readonly records: readonly RepositoryRecord[];
	/** Where repositories are now, submodules included, relative to the workspace. */
	readonly paths: readonly string[];
}

/** Puts a workspace's repositories in place below `root`, a real path, and says which commits they got. @throws AgentvError */
export async function placeRepositories(
	repos: readonly WorkspaceRepo[],
	root: string,
	services: RepositoryServices,
): Promise<PlacedRepositories> {
	// Judged before anything is fetched; and again below, when what comes before has been put in place.
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
