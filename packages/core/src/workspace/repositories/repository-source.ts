import { AgentvError } from "../../base/agentv-error.ts";
import { redactUrl, splitCredentials } from "../../base/git-credentials.ts";
import { expandRepoShorthand, fileUrlPath, parseGitUrl } from "../../base/git-url.ts";
import { type Environment, expandHome } from "../../io/environment.ts";
import { realPath } from "../../io/files/stat-path.ts";
import { checkGitOperand } from "../../io/git/check-git-operand.ts";
import type { GitCredentials } from "../../io/git/remote-git.ts";
import type { DiskView } from "../../model/disk-view.ts";
import type { EvalScope } from "../../model/eval-scope.ts";
import type { WorkspaceRepo } from "../../model/eval-types.ts";
import { refuseOutOfReach, resolveWithinReach } from "../../model/reach.ts";

export interface RepositoryServices {
	readonly scope: EvalScope;
	readonly view: DiskView;
	readonly env: Environment;
	readonly agentvHome: string;
	readonly signal?: AbortSignal | undefined;
	/** Returns the commit that a resumed run previously checked out. */
	readonly recordedCommit?: ((repo: WorkspaceRepo) => string | undefined) | undefined;
}

/** The source of a workspace's repository. */
export interface RepositorySource {
	/** For git: a URL without credentials, or an absolute path. */
	readonly url: string;
	readonly kind: "remote" | "directory" | "bundle";
	readonly credentials?: GitCredentials;
	/** As written, without credentials. */
	readonly shown: string;
}

/**
 * Resolves a workspace's `repo`: a local path (also of a git bundle file), `org/name` on GitHub, or
 * a URL.
 * @throws AgentvError for what is missing or must not be passed to git
 */
export function repositorySource(
	repo: WorkspaceRepo,
	places: Pick<RepositoryServices, "scope" | "view" | "env">,
): RepositorySource {
	const shown = redactUrl(repo.repo);
	if (repo.local) {
		const text = { ...repo.local, raw: expandHome(repo.local.raw, places.env) };
		const found = resolveWithinReach(text, "repository", places.scope, places.view);
		if (found.kind === "missing")
			throw new AgentvError("not-found", `repository ${shown}: ${found.path} does not exist`);
		return { url: realPath(found.path), kind: found.kind === "directory" ? "directory" : "bundle", shown };
	}
	const { url, credentials } = splitCredentials(expandRepoShorthand(repo.repo) ?? repo.repo);
	checkGitOperand(url);
	const { kind } = parseGitUrl(url);
	const file = fileUrlPath(url);
	if (file !== undefined) refuseOutOfReach(file, { raw: shown, kind: "repository", at: repo.repoAt }, places.scope);
	if (kind === "other" || kind === "path" || (kind === "file" && file === undefined)) {
		const hint = "Use org/name, a URL, or a path that begins with `.`, `/` or `~`.";
		throw new AgentvError("config", `${JSON.stringify(shown)} is not a repository`, { hint });
	}
	return { url, kind: "remote", shown, ...(credentials ? { credentials: { url, ...credentials } } : {}) };
}
