import { join } from "node:path";
import type { EvalScope } from "../eval/discover-evals.ts";
import type { WorkspaceRepo } from "../eval/eval-types.ts";
import { refuseOutOfReach, resolveWithinReach } from "../eval/read-shape.ts";
import { mirrorsPlace } from "../eval/run-digest.ts";
import type { DiskView } from "../eval/source.ts";
import { AgentvError } from "../lib/errors.ts";
import { expandRepoShorthand, fileUrlPath, parseGitUrl, redactUrl, splitCredentials } from "../lib/git-url.ts";
import { listDirectory, makeDirectories, makeDirectory } from "../machine/directories.ts";
import { type Environment, expandHome } from "../machine/environment.ts";
import { pathKind, realPath, removeTree } from "../machine/files.ts";
import {
	checkGitOperand,
	type GitAnswer,
	type GitConfig,
	type GitCredentials,
	GitError,
	initRepository,
	listRemoteRefs,
	localGit,
	type RemoteGitOptions,
	remoteGit,
} from "../machine/git.ts";
import { removeUnfinishedObjects } from "../machine/git-repository.ts";
import { noteUser, readOwner, withLock } from "../machine/lock.ts";
import { readTextFile } from "../machine/read-file.ts";
import { digestText } from "../machine/tree-notes.ts";
import { removeFile, touch, writeNote } from "../machine/write-file.ts";

interface CheckoutOptions {
	/** Paths or patterns; default: everything. */
	readonly sparse?: readonly string[] | undefined;
	readonly env: Environment;
	readonly signal?: AbortSignal | undefined;
}

/**
 * Creates a repository with a commit and its history: no later commit, not even as an object; one
 * branch; no remote, reflog, hook or external setting. The commit's files replace existing ones.
 */
export async function materialise(commit: MirroredCommit, directory: string, options: CheckoutOptions): Promise<void> {
	const { signal } = options;
	// The user's filters and line-ending settings must not change the commit's content.
	const env = plainGitEnvironment(options.env);
	const config = [["core.logAllRefUpdates", "false"] as const];
	const git = (args: readonly string[]): Promise<GitAnswer> => localGit(directory, args, { env, signal, config });
	const branch = commit.branch ?? "main";
	makeDirectory(directory);
	initRepository(directory, { env, sha256: commit.sha.length === 64 });
	const fetch = ["--quiet", "--no-tags", "--update-shallow", "--no-write-fetch-head"];
	// Fetch by the commit alone, so that the packs only contain what it reaches.
	await remoteGit(directory, ["fetch", ...fetch, "--", commit.mirror, commit.sha], {
		...{ env, signal },
		config: [["fetch.unpackLimit", "1"]],
	});
	await git(["update-ref", `refs/heads/${branch}`, commit.sha]);
	await git(["symbolic-ref", "HEAD", `refs/heads/${branch}`]);
	for (const [key, value] of workspaceGitConfig) await git(["config", key, value]);
	if (options.sparse && options.sparse.length > 0) {
		const cone = options.sparse.some((pattern) => /[*?[\]!\\]/.test(pattern)) ? "--no-cone" : "--cone";
		await git(["sparse-checkout", "set", cone, ...options.sparse.map((path) => path.replace(/^(\.?\/)+/, ""))]);
	}
	await git(["reset", "--quiet", "--hard", commit.sha]);
	for (const leftover of ["ORIG_HEAD", "FETCH_HEAD", "logs"]) await removeTree(`${directory}/.git/${leftover}`);
}

export interface CheckedOutFile {
	/** In git's format: `160000` is a submodule. */
	readonly mode: string;
	readonly sha: string;
	/** Relative to the repository. */
	readonly path: string;
}

/** @param directory of a repository that `materialise` created */
export async function checkedOutFiles(
	directory: string,
	{ env, signal }: Pick<CheckoutOptions, "env" | "signal">,
): Promise<CheckedOutFile[]> {
	const options = { env: plainGitEnvironment(env), signal };
	const { stdout } = await localGit(directory, ["ls-files", "-z", "-t", "--stage"], options);
	return stdout.split("\0").flatMap((entry) => {
		// `S` marks what is excluded.
		const [, tag, mode, sha, path] = /^(\S) (\d+) ([0-9a-f]+) \d\t(.*)$/s.exec(entry) ?? [];
		return mode && sha && path && tag !== "S" ? [{ mode, sha, path }] : [];
	});
}

// Call the following functions while the mirror's lock is held.

/** Exists in a mirror that is set up; its modification time is the last use. */
export const usedMark = "agentv-complete";
const usersFolder = "agentv-users";

export function isSetUp(mirror: string): boolean {
	return pathKind(join(mirror, usedMark)) === "directory";
}

/** @param shown the repository for display, without credentials */
function markSetUp(mirror: string, shown: string): void {
	writeNote(join(mirror, "agentv-source"), shown);
	makeDirectory(join(mirror, usedMark));
}

export function mirrorSource(mirror: string): string | undefined {
	const note = join(mirror, "agentv-source");
	return pathKind(note) === "file" ? readTextFile(note) : undefined;
}

/** The mirror counts as in use until the returned function is called. */
function useMirror(mirror: string): () => void {
	touch(join(mirror, usedMark));
	const users = join(mirror, usersFolder);
	makeDirectories(users);
	for (const note of notesIn(users)) if (readOwner(note)?.state === "dead") removeFile(note);
	return noteUser(users);
}

export function mirrorUser(mirror: string): number | undefined {
	const owners = notesIn(join(mirror, usersFolder)).map((note) => readOwner(note));
	return owners.find((owner) => owner && owner.state !== "dead")?.pid;
}

function notesIn(directory: string): string[] {
	return listDirectory(directory).map((name) => join(directory, name));
}

export interface RepositoryServices extends MirrorServices {
	readonly scope: EvalScope;
	readonly view: DiskView;
	readonly recordedCommit?: ((repo: WorkspaceRepo) => string | undefined) | undefined;
}

export interface RepositorySource {
	/** For git: a URL without credentials, or an absolute path. */
	readonly url: string;
	readonly kind: "remote" | "directory" | "bundle";
	readonly credentials?: GitCredentials;
	/** As written, without credentials. */
	readonly shown: string;
}

/**
 * Accepts a local path (also of a git bundle file), `org/name` on GitHub, or a URL.
 * @throws AgentvError for what is missing or must not be passed to git
 */
export function repositorySource(
	repo: WorkspaceRepo,
	places: Pick<RepositoryServices, "scope" | "view" | "env">,
): RepositorySource {
	const shown = redactUrl(repo.repo);
	if (repo.local) {
		const text = { ...repo.local, raw: expandHome(repo.local.raw, places.env) };
		const resolved = resolveWithinReach(text, places.scope, places.view);
		if (resolved.kind === "missing")
			throw new AgentvError("not-found", `repository ${shown}: ${resolved.path} does not exist`);
		return { url: realPath(resolved.path), kind: resolved.kind === "directory" ? "directory" : "bundle", shown };
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

interface MirrorServices {
	readonly env: Environment;
	readonly agentvHome: string;
	readonly signal?: AbortSignal | undefined;
}

export interface MirroredCommit {
	/** Bare repository with the commit and its history. */
	readonly mirror: string;
	readonly sha: string;
	readonly branch?: string;
	release(): void;
}

export const remoteTimeoutMs = 30 * 60_000;
/** Serves any commit of a local repository, including unreferenced ones. */
const uploadAnything = "--upload-pack=git -c uploadpack.allowAnySHA1InWant=true upload-pack";

/**
 * Fetches a commit into the shared cache `$AGENTV_HOME/cache/git`; a cached full SHA needs no
 * remote access. Call `release` once the result is no longer read.
 * @param requested branch, tag or SHA; the remote's HEAD if absent
 * @param ancestor number of first parents to go back
 * @throws GitError, AgentvError `not-found` for a missing commit
 */
export async function mirrorCommit(
	source: RepositorySource,
	requested: string | undefined,
	ancestor: number,
	services: MirrorServices,
): Promise<MirroredCommit> {
	if (requested !== undefined) checkGitOperand(requested);
	const cache = mirrorsPlace(services.agentvHome);
	const mirror = join(cache, `${digestText(source.url).slice(0, 32)}.git`);
	makeDirectory(cache);
	return withLock(mirror, () => new Mirror(mirror, source, services).get(requested, ancestor), {
		signal: services.signal,
	});
}

interface Wanted {
	readonly sha: string;
	readonly ref?: string;
	readonly branch?: string;
}

class Mirror {
	readonly #path: string;
	readonly #source: RepositorySource;
	readonly #services: MirrorServices;

	constructor(path: string, source: RepositorySource, services: MirrorServices) {
		this.#path = path;
		this.#source = source;
		this.#services = services;
	}

	async get(requested: string | undefined, ancestor: number): Promise<MirroredCommit> {
		const wanted = await this.#find(requested);
		await this.#open(wanted.sha.length === 64);
		if (!(await this.#commit(wanted.sha))) await this.#fetch(wanted);
		const sha = await this.#commit(`${wanted.sha}~${ancestor}`);
		if (sha === undefined) {
			if (!(await this.#commit(wanted.sha))) throw this.#missing(requested);
			const message = `${this.#source.shown}: ${requested ?? "HEAD"} has no ancestor number ${ancestor}`;
			throw new AgentvError("not-found", message);
		}
		const branch = wanted.branch === undefined ? {} : { branch: wanted.branch };
		return { mirror: this.#path, sha, ...branch, release: useMirror(this.#path) };
	}

	#missing(requested: string | undefined): AgentvError {
		const what = requested === undefined ? "no HEAD" : `no branch, tag or commit ${JSON.stringify(requested)}`;
		return new AgentvError("not-found", `${this.#source.shown} has ${what}`);
	}

	async #find(requested: string | undefined): Promise<Wanted> {
		if (requested !== undefined && /^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(requested))
			return { sha: requested.toLowerCase() };
		const names =
			requested === undefined
				? ["HEAD"]
				: [`refs/heads/${requested}`, `refs/tags/${requested}`, `refs/tags/${requested}^{}`, requested];
		const refs = await listRemoteRefs(this.#services.agentvHome, this.#source.url, names, this.#remote());
		const shaOf = (name: string) => refs.find(({ ref }) => ref === name)?.sha;
		const branch = shaOf(`refs/heads/${requested}`);
		if (branch !== undefined && requested !== undefined) {
			return { sha: branch, ref: `refs/heads/${requested}`, branch: requested };
		}
		const tag = shaOf(`refs/tags/${requested}^{}`) ?? shaOf(`refs/tags/${requested}`);
		if (tag !== undefined) return { sha: tag, ref: `refs/tags/${requested}` };
		const sha = shaOf(requested ?? "HEAD");
		if (sha !== undefined) return { sha, ref: requested ?? "HEAD" };
		return this.#abbreviated(requested);
	}

	/** Expands a short SHA, which needs the history. */
	async #abbreviated(requested: string | undefined): Promise<Wanted> {
		if (requested === undefined || !/^[0-9a-f]{4,63}$/i.test(requested)) throw this.#missing(requested);
		await this.#open(false);
		let sha = await this.#commit(requested);
		if (sha === undefined) {
			await this.#fetchAll();
			sha = await this.#commit(requested);
		}
		if (sha === undefined) throw this.#missing(requested);
		return { sha };
	}

	async #open(sha256: boolean): Promise<void> {
		if (isSetUp(this.#path)) {
			// The lock is held, so leftovers of a killed fetch are unused.
			removeUnfinishedObjects(this.#path);
			return;
		}
		await removeTree(this.#path);
		makeDirectory(this.#path);
		initRepository(this.#path, { env: this.#services.env, bare: true, sha256 });
		await this.#local(["config", "uploadpack.allowAnySHA1InWant", "true"]);
		markSetUp(this.#path, this.#source.kind === "remote" ? this.#source.shown : this.#source.url);
	}

	async #fetch(wanted: Wanted): Promise<void> {
		// The refs tell the server the next time what is already here.
		const to = `refs/agentv/${wanted.ref ?? wanted.sha}`;
		if (wanted.ref !== undefined) return this.#remoteFetch([`+${wanted.ref}:${to}`]);
		if (this.#source.kind !== "bundle") {
			try {
				return await this.#remoteFetch([`+${wanted.sha}:${to}`]);
			} catch (error) {
				// Not every server serves a commit by its SHA alone.
				if (!(error instanceof GitError) || !["ref-missing", "other"].includes(error.reason)) throw error;
			}
		}
		await this.#fetchAll();
		if (!(await this.#commit(wanted.sha))) await this.#fetchHead();
	}

	async #fetchAll(): Promise<void> {
		await this.#remoteFetch(["+refs/heads/*:refs/agentv/refs/heads/*", "+refs/tags/*:refs/agentv/refs/tags/*"]);
	}

	/** HEAD can be a bundle's only ref. */
	async #fetchHead(): Promise<void> {
		try {
			await this.#remoteFetch(["+HEAD:refs/agentv/HEAD"]);
		} catch (error) {
			if (!(error instanceof GitError) || error.reason !== "ref-missing") throw error;
		}
	}

	async #remoteFetch(refspecs: readonly string[]): Promise<void> {
		const pack = this.#source.kind === "directory" ? [uploadAnything] : [];
		const options = ["--quiet", "--no-tags", "--force", "--update-shallow", "--no-write-fetch-head", ...pack];
		await remoteGit(this.#path, ["fetch", ...options, "--", this.#source.url, ...refspecs], this.#remote());
	}

	async #commit(name: string): Promise<string | undefined> {
		const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`];
		const { stdout } = await this.#local(args, [0, 1, 128]);
		return /^[0-9a-f]{40,64}$/.exec(stdout.trim())?.[0];
	}

	#local(args: readonly string[], okExitCodes: readonly number[] = [0]) {
		const { env, signal } = this.#services;
		return localGit(this.#path, args, { env, signal, okExitCodes });
	}

	#remote(): RemoteGitOptions {
		const { env, signal } = this.#services;
		return { env, signal, timeoutMs: remoteTimeoutMs, credentials: this.#source.credentials };
	}
}

/** A copied index stays valid with this configuration. */
export const workspaceGitConfig: GitConfig = [
	["core.trustctime", "false"],
	["core.checkStat", "minimal"],
];

/** Excludes the user's configuration, which must not affect the result. */
export function plainGitEnvironment(env: Environment): Environment {
	return { ...env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
}

/** Author and time are fixed, so that the same files give the same commit. */
export const baselineIdentity: Readonly<Record<string, string>> = Object.fromEntries(
	["AUTHOR", "COMMITTER"].flatMap((role) => [
		[`GIT_${role}_NAME`, "AgentV"],
		[`GIT_${role}_EMAIL`, "agentv@localhost"],
		[`GIT_${role}_DATE`, "2020-01-01T00:00:00Z"],
	]),
);
