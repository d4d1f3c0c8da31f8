import type { EvalScope } from "../eval/discover-evals.ts";
import type { LoadedEval, WorkspaceRepo } from "../eval/eval-types.ts";
import type { DiskView } from "../eval/source.ts";
import type { BundleRepo } from "../format/bundle-manifest.ts";
import { AgentvError, type Diagnostic, finding } from "../lib/errors.ts";
import { parseGitUrl, redactUrl } from "../lib/git-url.ts";
import { makeDirectory } from "../machine/directories.ts";
import { agentvHome, type Environment } from "../machine/environment.ts";
import { listRemoteRefs } from "../machine/git.ts";
import { mirrorCommit, type RepositorySource, repositorySource } from "../workspace/repositories.ts";
import { localRepository, unpinned } from "./bundled-content.ts";
import { placeKey } from "./layout.ts";

/** A repository to bundle as one git bundle file. */
export interface VendorStep {
	readonly source: RepositorySource;
	readonly sha: string;
	readonly branch: string;
	/** Bundle path of the file. */
	readonly to: string;
}

/** Decisions about the repositories of a workspace. */
export interface PinnedRepositories {
	readonly repos: readonly BundleRepo[];
	readonly vendored: readonly VendorStep[];
	/** Commit texts, file paths and added `commit` entries, by place. */
	readonly texts: ReadonlyMap<string, string>;
	readonly paths: ReadonlyMap<string, string>;
	readonly added: ReadonlyMap<string, Readonly<Record<string, string>>>;
	readonly diagnostics: readonly Diagnostic[];
}

export interface PinOptions {
	readonly pin: boolean;
	readonly vendor: boolean;
	readonly env: Environment;
	readonly view: DiskView;
	readonly signal?: AbortSignal | undefined;
}

/**
 * Decides for every repository of the eval's workspaces whether it is pinned and vendored. Local
 * repositories are always both: they exist only on this machine.
 * @throws GitError or AgentvError if a commit can't be resolved
 */
export async function pinRepositories(loaded: LoadedEval, options: PinOptions): Promise<PinnedRepositories> {
	const pinning = new Pinning(options);
	for (const { repo, scope } of distinctRepos(loaded)) await pinning.add(repo, scope);
	return pinning;
}

function distinctRepos(loaded: LoadedEval): { repo: WorkspaceRepo; scope: EvalScope }[] {
	const found = new Map<string, { repo: WorkspaceRepo; scope: EvalScope }>();
	for (const suite of new Set([loaded.suite, ...loaded.tests.map((test) => test.suite)]))
		for (const repo of suite.workspace?.repos ?? []) found.set(placeKey(repo.at), { repo, scope: suite.scope });
	for (const test of loaded.tests)
		for (const repo of test.workspace?.repos ?? []) found.set(placeKey(repo.at), { repo, scope: test.suite.scope });
	return [...found.values()];
}

class Pinning implements PinnedRepositories {
	readonly repos: BundleRepo[] = [];
	readonly vendored: VendorStep[] = [];
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
		const isSha = /^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(requested ?? "");
		const shown = redactUrl(repo.repo);
		const given = { path: repo.path, repo: shown, requested };
		if (!pin && !vendor && !local) {
			if (!isSha) this.diagnostics.push(finding(unpinned, { repo: shown, requested }, repo.commitAt ?? repo.at));
			this.repos.push({ ...given, sha: isSha && requested !== null ? requested.toLowerCase() : null, vendored: null });
			return;
		}
		if (local && !vendor) this.diagnostics.push(finding(localRepository, { repo: shown }, repo.at));
		const { sha, branch } = await this.#pin(source, requested);
		if (repo.commitAt) this.texts.set(placeKey(repo.commitAt), sha);
		else this.added.set(placeKey(repo.at), { commit: sha });
		const vendored = vendor || local ? this.#vendor(source, sha, branch) : null;
		if (vendored !== null) this.paths.set(placeKey(repo.repoAt), vendored);
		this.repos.push({ ...given, sha, vendored });
	}

	#vendor(source: RepositorySource, sha: string, branch: string): string {
		const known = this.vendored.find((step) => step.sha === sha && step.source.url === source.url);
		if (known) return known.to;
		const name = (parseGitUrl(source.url).name ?? "repository").replace(/[^\w.-]+/g, "-");
		const taken = this.vendored.map((step) => step.to);
		let to = `repos/${name}.bundle`;
		for (let count = 2; taken.includes(to); count++) to = `repos/${name}-${count}.bundle`;
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

interface Pin {
	readonly sha: string;
	readonly branch: string;
}

async function findPin(source: RepositorySource, requested: string | null, options: PinOptions): Promise<Pin> {
	if (requested !== null && /^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(requested))
		return { sha: requested.toLowerCase(), branch: "main" };
	const { env, signal } = options;
	const home = agentvHome(env);
	makeDirectory(home);
	const names = requested === null ? ["HEAD"] : ["heads/", "tags/"].map((kind) => `refs/${kind}${requested}`);
	if (requested !== null) names.push(`refs/tags/${requested}^{}`);
	const remote = { env, signal, timeoutMs: 120_000, credentials: source.credentials };
	const refs = await listRemoteRefs(home, source.url, names, remote);
	const shaOf = (name: string) => refs.find(({ ref }) => ref === name)?.sha;
	const branch = shaOf(`refs/heads/${requested}`);
	if (requested !== null && branch) return { sha: branch, branch: requested };
	const sha = shaOf(`refs/tags/${requested}^{}`) ?? shaOf(`refs/tags/${requested}`) ?? shaOf("HEAD");
	if (sha) return { sha, branch: "main" };
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
