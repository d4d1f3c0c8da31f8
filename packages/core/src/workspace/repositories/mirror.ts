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

/** A commit that the cache now holds with all its history. */
export interface MirroredCommit {
	/** Bare repository in the cache. */
	readonly mirror: string;
	/** Full SHA. */
	readonly sha: string;
	/** The branch it was asked for by. */
	readonly branch?: string;
	/** Says that the mirror is not read any more; until then nobody tidies it away. */
	release(): void;
}

/** How long a fetch may take. */
export const remoteTimeoutMs = 30 * 60_000;
/** A directory may be asked for any commit that it has, also one that no ref of it reaches. */
const uploadAnything = "--upload-pack=git -c uploadpack.allowAnySHA1InWant=true upload-pack";

/**
 * Gets a commit of a repository into the shared cache `$AGENTV_HOME/cache/git`. A full SHA that is there already costs no look at the
 * remote. Runs that want the same repository wait for each other. `release` what is answered once it is not read any more.
 * @param requested branch, tag or SHA; the remote's HEAD if absent
 * @param ancestor how many first parents to go back from it
 * @throws GitError, AgentvError `not-found` for a commit that isn't there
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
	/** The ref that leads there; absent where only the SHA is known. */
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

	/** A short SHA can only be completed where the history is. */
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

	/** Makes the bare repository where there is none, or only the beginning of one. */
	async #open(sha256: boolean): Promise<void> {
		if (isSetUp(this.#path)) {
			// We hold the lock: what a fetch that was killed left behind is nobody's.
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
		// Refs of our own tell the server the next time what is here already.
		const to = `refs/agentv/${wanted.ref ?? wanted.sha}`;
		if (wanted.ref !== undefined) return this.#remoteFetch([`+${wanted.ref}:${to}`]);
		if (this.#source.kind !== "bundle") {
			try {
				return await this.#remoteFetch([`+${wanted.sha}:${to}`]);
			} catch (error) {
				// Not every server gives out a commit by its SHA alone.
				if (!(error instanceof GitError) || !["ref-missing", "other"].includes(error.reason)) throw error;
			}
		}
		await this.#fetchAll();
		if (!(await this.#commit(wanted.sha))) await this.#fetchHead();
	}

	async #fetchAll(): Promise<void> {
		await this.#remoteFetch(["+refs/heads/*:refs/agentv/refs/heads/*", "+refs/tags/*:refs/agentv/refs/tags/*"]);
	}

	/** A bundle may have nothing but a HEAD. */
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

	/** The full SHA of a commit that is here, else undefined. */
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
