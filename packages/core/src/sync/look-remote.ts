import { checkGitOperand } from "../io/git/check-git-operand.ts";
import { GitError } from "../io/git/git-error.ts";
import { remoteGit } from "../io/git/remote-git.ts";
import { isFullSha, type SourceAccess } from "../model/benchmark-source.ts";
import type { RemoteSettings } from "./clone-git.ts";

/** The commit of the registry's ref at the remote. */
export interface Wanted {
	readonly kind: "branch" | "tag" | "commit";
	/** Full name (`refs/heads/main`), or the SHA of a pinned commit. */
	readonly ref: string;
	/** For display: `main`. */
	readonly name: string;
	readonly sha: string;
}

/** Why the remote could not resolve the ref; `message` is a sentence without a full stop. */
export interface RemoteProblem {
	readonly reason: string;
	readonly message: string;
	readonly hint: string | undefined;
}

export type RemoteLook = { readonly wanted: Wanted } | { readonly problem: RemoteProblem };

/** Resolves the ref at the remote. A full SHA needs no request. */
export async function lookRemote(access: SourceAccess, settings: RemoteSettings): Promise<RemoteLook> {
	const { url, ref } = access;
	if (ref !== undefined && isFullSha(ref)) {
		const sha = ref.toLowerCase();
		return { wanted: { kind: "commit", ref: sha, name: sha.slice(0, 12), sha } };
	}
	try {
		const refs = await listRefs(url, patternsFor(ref), { ...settings, credentials: access.credentials });
		const wanted = ref === undefined ? headOf(refs) : namedRef(refs, ref);
		return wanted ? { wanted } : { problem: missingRef(ref) };
	} catch (error) {
		return { problem: remoteProblem(error) };
	}
}

/** Converts a failed remote command; rethrows interruptions and internal errors. */
export function remoteProblem(error: unknown): RemoteProblem {
	if (!(error instanceof GitError) || error.code !== "failed") throw error;
	const said = error.message.replace(/^git [\w-]+ failed: /, "");
	const [message, usual] = sentences[error.reason] ?? ["git failed", error.hint];
	const isSingle = error.reason === "ref-missing" && /unadvertised object|not our ref/.test(said);
	const hint = isSingle
		? "The server does not serve this commit by its SHA: use a branch or tag in the registry."
		: usual;
	const isTold = error.reason === "timeout" && /took too long/.test(said);
	return { reason: error.reason, message: isTold ? message : `${message} (${said.replace(/\.$/, "")})`, hint };
}

const sentences: Partial<Record<GitError["reason"], readonly [message: string, hint: string]>> = {
	"not-found": [
		"the remote repository was not found",
		"Check the URL, and that you have read access to the repository.",
	],
	auth: ["the remote refused access", "Set up git credentials for it, or use a variable with a token in the URL."],
	network: ["the remote is unreachable", "Check the network and the URL, then try again."],
	"disk-full": ["the disk is full", "Free some disk space, then try again."],
	timeout: ["the remote did not respond in time", "Try again, with a larger --timeout if it is slow."],
	"ref-missing": ["the remote does not have this ref", "Fix `ref` in the registry."],
};

function missingRef(ref: string | undefined): RemoteProblem {
	if (ref === undefined)
		return { reason: "empty", message: "the remote repository has no commits yet", hint: "Push a first commit to it." };
	const hint = /^[0-9a-f]{4,39}$/i.test(ref)
		? "A commit needs its full 40-character SHA; otherwise use a branch or tag."
		: "Fix `ref` in the registry, or remove it to use the remote's default branch.";
	return { reason: "ref-missing", message: `the remote has no branch or tag ${JSON.stringify(ref)}`, hint };
}

function patternsFor(ref: string | undefined): string[] {
	if (ref === undefined) return ["HEAD"];
	const names = ref.startsWith("refs/") ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
	return names.flatMap((name) => (name.startsWith("refs/heads/") ? [name] : [name, `${name}^{}`]));
}

/** Full ref → SHA; `HEAD` also → its branch, as `ref: refs/heads/main`. */
async function listRefs(
	url: string,
	patterns: readonly string[],
	settings: RemoteSettings,
): Promise<Map<string, string[]>> {
	for (const operand of [url, ...patterns]) checkGitOperand(operand);
	const { stdout } = await remoteGit("/", ["ls-remote", "--symref", "--", url, ...patterns], settings);
	const refs = new Map<string, string[]>();
	for (const line of stdout.split("\n")) {
		const [value, name] = line.split("\t");
		if (value && name) refs.set(name, [...(refs.get(name) ?? []), value]);
	}
	return refs;
}

function headOf(refs: ReadonlyMap<string, readonly string[]>): Wanted | undefined {
	const values = refs.get("HEAD") ?? [];
	const sha = values.find((value) => !value.startsWith("ref: "));
	const ref = values.find((value) => value.startsWith("ref: "))?.slice("ref: ".length);
	if (sha === undefined) return undefined;
	if (ref?.startsWith("refs/heads/")) return { kind: "branch", ref, name: ref.slice("refs/heads/".length), sha };
	return { kind: "commit", ref: sha, name: sha.slice(0, 12), sha };
}

function namedRef(refs: ReadonlyMap<string, readonly string[]>, ref: string): Wanted | undefined {
	for (const full of ref.startsWith("refs/") ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`]) {
		const sha = refs.get(`${full}^{}`)?.[0] ?? refs.get(full)?.[0];
		if (sha === undefined) continue;
		const isBranch = full.startsWith("refs/heads/");
		return { kind: isBranch ? "branch" : "tag", ref: full, name: full.replace(/^refs\/(heads|tags)\//, ""), sha };
	}
	return undefined;
}
