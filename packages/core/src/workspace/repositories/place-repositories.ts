import pLimit from "p-limit";
import type { Environment } from "../../io/environment.ts";
import type { DiskView } from "../../model/disk-view.ts";
import type { EvalScope } from "../../model/eval-scope.ts";
import type { WorkspaceRepo } from "../../model/eval-types.ts";
import type { RepositoryRecord } from "../contract.ts";
import { pathWithin } from "../safe-path.ts";
import { materialise } from "./materialise.ts";
import { mirrorCommit } from "./mirror.ts";
import { repositorySource } from "./repository-source.ts";

export interface RepositoryServices {
	readonly scope: EvalScope;
	readonly view: DiskView;
	readonly env: Environment;
	readonly agentvHome: string;
	readonly signal?: AbortSignal | undefined;
	/** The commit that a resumed run got for a repository before. */
	readonly recordedCommit?: ((repo: WorkspaceRepo) => string | undefined) | undefined;
}

/** More at once gain nothing. */
const atOnce = 3;

/** Puts a workspace's repositories in place below `root`, a real path, and says which commits they got. @throws AgentvError */
export async function placeRepositories(
	repos: readonly WorkspaceRepo[],
	root: string,
	services: RepositoryServices,
): Promise<RepositoryRecord[]> {
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
		for (const [index, repo] of repos.entries()) {
			const outcome = commits[index];
			if (outcome?.status !== "fulfilled") throw outcome?.reason;
			const fetched = outcome.value;
			const directory = pathWithin(root, repo.path, "the path of a repository");
			await materialise(fetched.commit, directory, { sparse: repo.sparse, ...services });
			records.push({
				path: repo.path === "" ? "." : repo.path,
				repo: fetched.source.shown,
				...(repo.commit === undefined ? {} : { requested: repo.commit }),
				...(repo.ancestor === 0 ? {} : { ancestor: repo.ancestor }),
				sha: fetched.commit.sha,
			});
		}
		return records;
	} finally {
		for (const outcome of commits) if (outcome.status === "fulfilled") outcome.value.commit.release();
	}
}
