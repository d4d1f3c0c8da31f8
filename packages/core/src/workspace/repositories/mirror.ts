import { join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import type { Environment } from "../../io/environment.ts";
import { digestText } from "../../io/files/digest-tree.ts";
import { withLock } from "../../io/files/lock.ts";
import { makeDirectory } from "../../io/files/make-directory.ts";
import { removeTree } from "../../io/files/remove-tree.ts";
import { checkGitOperand } from "../../io/git/check-git-operand.ts";
import { GitError } from "../../io/git/git-error.ts";
import { initRepository } from "../../io/git/init-repository.ts";
import { localGit } from "../../io/git/local-git.ts";
import { listRemoteRefs, type RemoteGitOptions, remoteGit } from "../../io/git/remote-git.ts";
import { removeUnfinishedObjects } from "../../io/git/unfinished-objects.ts";
import { mirrorsPlace } from "../../model/home-places.ts";
import { isSetUp, markSetUp, useMirror } from "./mirror-notes.ts";
import type { RepositorySource } from "./repository-source.ts";

export interface MirrorServices {
	readonly env: Environment;
	readonly agentvHome: string;
	readonly signal?: AbortSignal | undefined;
}

/** A commit that is in the cache with all its history. */
export interface MirroredCommit {
	/** Bare repository in the cache. */
	readonly mirror: string;
	/** Full SHA. */
	readonly sha: string;
	/** The requested branch. */
	readonly branch?: string;
	/** Releases the mirror, which can be pruned afterwards. */
	release(): void;
}

/** Time limit of a fetch. */
export const remoteTimeoutMs = 30 * 60_000;
/** Serves any commit of a local repository, including unreferenced ones. */
const uploadAnything = "--upload-pack=git -c uploadpack.allowAnySHA1InWant=true upload-pack";

/**
 * Fetches a commit into the shared cache `$AGENTV_HOME/cache/git`. A cached full SHA needs no
 * remote access. Runs that need the same repository wait for each other. Call `release` once the
 * result is no longer read.
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
	/** The ref; absent if only the SHA is known. */
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
			throw (await this.#commit(wanted.sha))
				? new AgentvError(
						"not-found",
						`${this.#source.shown}: ${requested ?? "HEAD"} has no ancestor number ${ancestor}`,
					)
				: this.#missing(requested);
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
		const other = shaOf(requested ?? "HEAD");
		if (other !== undefined) return { sha: other, ref: requested ?? "HEAD" };
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

	/** Creates the bare repository if it is missing or incomplete. */
	async #open(sha256: boolean): Promise<void> {
		if (isSetUp(this.#path)) {
			// We hold the lock: leftovers of a killed fetch belong to nobody.
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
		// Our own refs tell the server the next time what is already here.
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

	/** Fetches HEAD, which can be a bundle's only ref. */
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

	/** Returns the full SHA of a commit that is here. */
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
