import { redactUrl } from "../base/git-credentials.ts";
import type { LoadedEval, Workspace, WorkspaceRepo } from "../model/eval-types.ts";

/** Every workspace of an eval: its suites' and its tests' own, each once. */
export function workspacesOf(loaded: LoadedEval): Workspace[] {
	const all = [loaded.suite, ...loaded.tests.map((test) => test.suite), ...loaded.tests];
	return [...new Set(all.flatMap(({ workspace }) => (workspace ? [workspace] : [])))];
}

export interface PlacedRepo extends WorkspaceRepo {
	/** As messages show it: without credentials. */
	readonly shown: string;
}

/** The repositories of an eval's workspaces, each place once. */
export function placedRepos(loaded: LoadedEval): PlacedRepo[] {
	const byPlace = new Map<string, PlacedRepo>();
	for (const workspace of workspacesOf(loaded)) {
		for (const repo of workspace.repos) {
			const key = [repo.at.file, repo.at.line ?? "", ...(repo.at.path ?? [])].join("\0");
			byPlace.set(key, { ...repo, shown: redactUrl(repo.repo) });
		}
	}
	return [...byPlace.values()];
}
