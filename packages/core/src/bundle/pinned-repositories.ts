import { join } from "node:path";
import type { EvalScope } from "../eval/discover-evals.ts";
import type { LoadedEval, WorkspaceRepo } from "../eval/eval-types.ts";
import type { DiskView } from "../eval/source.ts";
import type { BundleRepo } from "../format/bundle-manifest.ts";
import { AgentvError, type Diagnostic, type FindingKind, finding } from "../lib/errors.ts";
import { parseGitUrl, redactUrl } from "../lib/git-url.ts";
import { makeDirectory, withTempDir } from "../machine/directories.ts";
import { agentvHome, type Environment } from "../machine/environment.ts";
import { initRepository, listRemoteRefs, localGit, remoteGit } from "../machine/git.ts";
import { mirrorCommit, type RepositorySource, repositorySource } from "../workspace/repositories.ts";
import { freeName, placeKey } from "./layout.ts";

const unpinned: FindingKind<{ repo: string; requested: string | null }> = {
	rule: "repos.unpinned",
	severity: "warning",
	message: ({ repo, requested }) =>
		`${repo} is not pinned: ${requested === null ? "its default branch" : JSON.stringify(requested)} can move to another commit`,
	hint: () => "--pin writes its current commit",
};

const localRepository: FindingKind<{ repo: string }> = {
	rule: "repos.local",
	severity: "warning",
	message: ({ repo }) => `${repo} is a repository on this machine; it is bundled as a git bundle file`,
};

export interface VendorStep {
	readonly source: RepositorySource;
	readonly sha: string;
	readonly branch: string;
	readonly to: string;
}

interface PinOptions {
	readonly pin: boolean;
	readonly vendor: boolean;
	readonly env: Environment;
	readonly view: DiskView;
	readonly signal?: AbortSignal | undefined;
}

/**
 * Local repositories are always pinned and vendored, because they exist only on this machine.
 * @throws GitError or AgentvError if a commit can't be resolved
 */
export async function pinRepositories(loaded: LoadedEval, options: PinOptions): Promise<Pinning> {
	const pinning = new Pinning(options);
	for (const { repo, scope } of distinctRepos(loaded)) await pinning.add(repo, scope);
	return pinning;
}

function distinctRepos(loaded: LoadedEval): { repo: WorkspaceRepo; scope: EvalScope }[] {
	const suites = new Set([loaded.suite, ...loaded.tests.map((test) => test.suite)]);
	const workspaces = [
		...[...suites].map(({ workspace, scope }) => ({ workspace, scope })),
		...loaded.tests.map(({ workspace, suite }) => ({ workspace, scope: suite.scope })),
	];
	const repos = workspaces.flatMap(({ workspace, scope }) =>
		(workspace?.repos ?? []).map((repo) => [placeKey(repo.at), { repo, scope }] as const),
	);
	return [...new Map(repos).values()];
}

class Pinning {
	readonly repos: BundleRepo[] = [];
	readonly vendored: VendorStep[] = [];
	/** By place: commit texts, file paths and added `commit` entries. */
	readonly texts = new Map<string, string>();
	readonly paths = new Map<string, string>();
	readonly added = new Map<string, Readonly<Record<string, string>>>();
	readonly diagnostics: Diagnostic[] = [];
	readonly #options: PinOptions;
	readonly #known = new Map<string, Promise<Pin>>();

	constructor(options: PinOptions) {
		this.#options = options;
	}

	async add(repo: WorkspaceRepo, scope: EvalScope): Promise<void> {
		const { pin, vendor, env, view } = this.#options;
		const source = repositorySource(repo, { scope, view, env });
		const local = source.kind !== "remote" || parseGitUrl(source.url).kind === "file";
		const requested = repo.commit ?? null;
		const isSha = fullSha.test(requested ?? "");
		const shown = redactUrl(repo.repo);
		const described = { path: repo.path, repo: shown, requested };
		if (!pin && !vendor && !local) {
			if (!isSha) this.diagnostics.push(finding(unpinned, { repo: shown, requested }, repo.commitAt ?? repo.at));
			this.repos.push({
				...described,
				sha: isSha && requested !== null ? requested.toLowerCase() : null,
				vendored: null,
			});
			return;
		}
		if (local && !vendor) this.diagnostics.push(finding(localRepository, { repo: shown }, repo.at));
		const { sha, branch } = await this.#pin(source, requested);
		if (repo.commitAt) this.texts.set(placeKey(repo.commitAt), sha);
		else this.added.set(placeKey(repo.at), { commit: sha });
		const vendored = vendor || local ? this.#vendor(source, sha, branch) : null;
		if (vendored !== null) this.paths.set(placeKey(repo.repoAt), vendored);
		this.repos.push({ ...described, sha, vendored });
	}

	#vendor(source: RepositorySource, sha: string, branch: string): string {
		const known = this.vendored.find((step) => step.sha === sha && step.source.url === source.url);
		if (known) return known.to;
		const name = (parseGitUrl(source.url).name ?? "repository").replace(/[^\w.-]+/g, "-");
		const to = freeName(`repos/${name}.bundle`, (path) => this.vendored.some((step) => step.to === path));
		this.vendored.push({ source, sha, branch, to });
		return to;
	}

	#pin(source: RepositorySource, requested: string | null): Promise<Pin> {
		const key = `${source.url}\0${requested ?? ""}`;
		const pinned = this.#known.get(key) ?? findPin(source, requested, this.#options);
		this.#known.set(key, pinned);
		return pinned;
	}
}

type Pin = Pick<VendorStep, "sha" | "branch">;

const fullSha = /^([0-9a-f]{40}|[0-9a-f]{64})$/i;

async function findPin(source: RepositorySource, requested: string | null, options: PinOptions): Promise<Pin> {
	if (requested !== null && fullSha.test(requested)) return { sha: requested.toLowerCase(), branch: "main" };
	const { env, signal } = options;
	const home = agentvHome(env);
	makeDirectory(home);
	const [head, tag] = [`refs/heads/${requested}`, `refs/tags/${requested}`];
	const names = requested === null ? ["HEAD"] : [head, `${tag}^{}`, tag];
	const remote = { env, signal, timeoutMs: 120_000, credentials: source.credentials };
	const refs = await listRemoteRefs(home, source.url, names, remote);
	const [match] = names.flatMap((name) => refs.find(({ ref }) => ref === name) ?? []);
	if (match) return { sha: match.sha, branch: requested !== null && match.ref === head ? requested : "main" };
	if (requested === null || !/^[0-9a-f]{4,63}$/i.test(requested))
		throw new AgentvError(
			"failed",
			`${source.shown} has no branch, tag or commit ${JSON.stringify(requested ?? "HEAD")}`,
		);
	// Expanding a short SHA needs the history.
	const mirrored = await mirrorCommit(source, requested, 0, { env, agentvHome: home, signal });
	mirrored.release();
	return { sha: mirrored.sha, branch: "main" };
}

/**
 * Excludes later commits.
 * @param file absolute
 * @throws GitError if the repository is unreachable
 */
export async function vendorRepository(
	step: VendorStep,
	file: string,
	{ env, signal }: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<void> {
	const commit = await mirrorCommit(step.source, step.sha, 0, { env, agentvHome: agentvHome(env), signal });
	const { mirror, sha } = commit;
	await withTempDir("agentv-vendor-", async (directory) => {
		const bare = join(directory, "repository.git");
		makeDirectory(bare);
		initRepository(bare, { env, bare: true, sha256: sha.length === 64 });
		await remoteGit(bare, ["fetch", "--quiet", "--no-tags", "--update-shallow", "--", mirror, sha], { env, signal });
		const branch = `refs/heads/${step.branch}`;
		const git = (args: readonly string[]) => localGit(bare, args, { env, signal });
		await git(["update-ref", branch, sha]);
		await git(["symbolic-ref", "HEAD", branch]);
		// Names after `--` would be paths; both are generated or were checked before.
		await git(["bundle", "create", "--quiet", file, "HEAD", branch]);
	}).finally(() => commit.release());
}
