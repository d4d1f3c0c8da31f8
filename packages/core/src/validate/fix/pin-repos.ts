import { splitCredentials } from "../../base/git-credentials.ts";
import { expandRepoShorthand } from "../../base/git-url.ts";
import { checkGitRef, checkGitUrl } from "../../base/git-url-check.ts";
import type { Environment } from "../../io/environment.ts";
import { GitError } from "../../io/git/git-error.ts";
import { listRemoteRefs } from "../../io/git/remote-git.ts";
import type { FieldChange, PinChange } from "./change.ts";

const timeoutMs = 60_000;

/** Asks remotes for the commits of branches and tags, each question once. */
export class Remotes {
	readonly #env: Environment;
	readonly #signal: AbortSignal | undefined;
	readonly #known = new Map<string, Promise<string>>();

	constructor(env: Environment, signal: AbortSignal | undefined) {
		this.#env = env;
		this.#signal = signal;
	}

	/** The change that pins a repository, or why it can't be pinned. */
	async pin(change: PinChange): Promise<FieldChange | { readonly reason: string }> {
		const { repo, ref } = change;
		const refusal = checkGitUrl(repo) ?? (ref === undefined ? undefined : checkGitRef(ref));
		if (refusal) return { reason: refusal.message };
		const key = `${repo}\0${ref ?? ""}`;
		const asked = this.#known.get(key) ?? this.#ask(repo, ref);
		this.#known.set(key, asked);
		try {
			const sha = await asked;
			const says = `${ref ?? "HEAD"} → ${sha}`;
			return ref === undefined
				? { kind: "entry", at: change.at, key: "commit", value: sha, says }
				: { kind: "value", at: change.at, value: sha, says };
		} catch (error) {
			if (error instanceof GitError || error instanceof MissingRef) return { reason: error.message };
			throw error;
		}
	}

	async #ask(repo: string, ref: string | undefined): Promise<string> {
		const { url, credentials } = splitCredentials(expandRepoShorthand(repo) ?? repo);
		const patterns = ref === undefined ? ["HEAD"] : [`refs/heads/${ref}`, `refs/tags/${ref}`, `refs/tags/${ref}^{}`];
		const refs = await listRemoteRefs("/", url, patterns, {
			env: this.#env,
			timeoutMs,
			signal: this.#signal,
			variables: { GIT_DIR: "/nonexistent" },
			...(credentials ? { credentials: { url, ...credentials } } : {}),
		});
		// A branch before a tag, as git decides; of an annotated tag the commit.
		const order = ["HEAD", `refs/heads/${ref}`, `refs/tags/${ref}^{}`, `refs/tags/${ref}`];
		for (const name of order) {
			const found = refs.find((one) => one.ref === name);
			if (found) return found.sha;
		}
		throw new MissingRef(`the remote has no branch or tag ${JSON.stringify(ref ?? "HEAD")}`);
	}
}

class MissingRef extends Error {}
