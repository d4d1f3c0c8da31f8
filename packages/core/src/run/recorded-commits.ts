import { redactUrl } from "../base/git-credentials.ts";
import type { Redactor } from "../base/redact.ts";
import type { WorkspaceRepo } from "../model/eval-types.ts";
import type { PinnedRepository } from "../model/fingerprint.ts";
import type { RunFile } from "../schema/run-file.ts";
import type { PlannedCase } from "./run-plan.ts";

/** The commits that a run recorded for a case's repositories. */
export function recordedCommits(
	{ workspace }: PlannedCase,
	records: NonNullable<RunFile["repositories"]>,
	redact: Redactor,
): PinnedRepository[] {
	const repos = workspace?.spec.workspace?.repos ?? [];
	return repos.flatMap((repo) => {
		const sha = recordedCommit(repo, records, redact);
		return sha === undefined ? [] : [{ path: repo.path === "" ? "." : repo.path, sha }];
	});
}

/** The commit that a run recorded for a repository: the last one when it recorded several. */
export function recordedCommit(
	{ path, repo, commit, ancestor }: WorkspaceRepo,
	records: NonNullable<RunFile["repositories"]>,
	redact: Redactor,
): string | undefined {
	return records.findLast(
		(record) =>
			record.path === (path === "" ? "." : path) &&
			record.repo === redact(redactUrl(repo)) &&
			record.requested === (commit === undefined ? undefined : redact(commit)) &&
			(record.ancestor ?? 0) === ancestor,
	)?.sha;
}
