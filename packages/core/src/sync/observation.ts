import { join } from "node:path";
import { isFullSha, type SourceAccess } from "../eval/registry.ts";
import { workshopPrefix } from "../eval/run-digest.ts";
import { sameRepository } from "../lib/git-url.ts";
import { listDirectory } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { pathKind, realPath, targetKind } from "../machine/files.ts";
import {
	checkGitOperand,
	type GitAnswer,
	GitError,
	type LocalGitOptions,
	localGit,
	type RemoteGitAnswer,
	type RemoteGitOptions,
	remoteGit,
	shieldedGit,
} from "../machine/git.ts";
import {
	foreignRepository,
	readPlainConfig,
	readPlainHead,
	readPlainRefs,
	remoteUrl,
} from "../machine/git-repository.ts";

/** Everything that a plan depends on, as plain data. */
export interface Observation {
	readonly id: string;
	/** As the user knows it; for messages. */
	readonly path: string;
	readonly disk: "missing" | "empty" | "foreign" | "clone";
	/** Describes what is at the path instead: a sentence without a full stop. */
	readonly foreign: string | undefined;
	readonly remote: RemoteLook;
	readonly clone: CloneState | undefined;
}

export interface CloneState {
	readonly branch: string | undefined;
	readonly sha: string | undefined;
	/** The commit of the last sync, and its ref (`refs/heads/main`, or a SHA). */
	readonly base: string | undefined;
	readonly syncedRef: string | undefined;
	/** `remote.origin.url` differs from the registry's. */
	readonly urlChanged: boolean;
	/** For a changed URL: whether both have the same history. */
	readonly sameHistory: boolean;
	readonly underWay: string | undefined;
	/** A configuration key that would run a program on remote access. */
	readonly refusedKey: string | undefined;
	/** Undefined if the wanted commit is not available. */
	readonly relation: Relation | undefined;
	/** Whether the wanted branch exists here, is not checked out, and has its own commits. */
	readonly targetHasLocalCommits: boolean;
	readonly edits: readonly Edit[];
	readonly incoming: readonly string[];
}

export interface Edit {
	readonly path: string;
	readonly isTracked: boolean;
}

export interface Relation {
	/** Commits that only one of the two has. */
	readonly ahead: number;
	readonly behind: number;
	/** Whether a checked-out commit was made here: nothing from the remote contains it. */
	readonly hasLocalCommits: boolean;
}

export interface Remote extends SourceAccess, Pick<RemoteGitOptions, "env" | "signal" | "timeoutMs" | "onProgress"> {}

/** Inspected without starting git if its configuration is plain. */
export interface LocalClone {
	readonly git: CloneGit;
	readonly head: Head;
	/** Full ref → SHA: `refs/agentv/*`, known refs of origin, and the checked-out branch. */
	readonly refs: ReadonlyMap<string, string>;
	readonly isOrigin: boolean;
	/** An unfinished operation (`merge`, `rebase`, …), or git's lock (`lock`). */
	readonly underWay: string | undefined;
}

interface Head {
	readonly branch: string | undefined;
	/** Undefined before the first commit. */
	readonly sha: string | undefined;
}

type LocalLook =
	| { readonly kind: "missing" | "empty" }
	/** `message`: a sentence without a full stop. */
	| { readonly kind: "foreign"; readonly message: string }
	| { readonly kind: "clone"; readonly clone: LocalClone };

/** The commit of the last sync: present in a clone that sync created or adopted. */
export const baseRef = "refs/agentv/base";
export const remoteRef = "refs/agentv/remote";

/** Expects a clone of `url` at `path` (real or not). Offline and read-only. */
export async function lookLocal(path: string, url: string, env: Environment): Promise<LocalLook> {
	const foreign = (what: string): LocalLook => ({ kind: "foreign", message: `${path} ${what}` });
	const kind = targetKind(path);
	if (kind === "missing") return pathKind(path) === "link" ? foreign("is a broken link") : { kind: "missing" };
	if (kind !== "directory") return foreign("is not a directory");
	const root = realPath(path);
	const gitKind = pathKind(join(root, ".git"));
	if (gitKind === "other") return foreign("is not readable, or is not a git repository");
	if (gitKind === "missing") {
		const isEmpty = listDirectory(root).every((name) => name === "lost+found" || name.startsWith(workshopPrefix));
		return isEmpty ? { kind: "empty" } : foreign("is not empty and not a git repository");
	}
	if (gitKind !== "directory") return foreign("is a linked work tree or submodule; sync needs its own clone");
	const entries = new Set(listDirectory(join(root, ".git")));
	if (!entries.has("HEAD") || !entries.has("config")) return foreign("is a broken git repository");
	const git = await openClone(root, env);
	const { head, refs } = await readRefs(git);
	const isOrigin = git.originUrl !== undefined && sameRepository(git.originUrl, url);
	if (!isOrigin && !refs.has(baseRef)) return foreign("contains another repository");
	const underWay = operations.find(([file]) => entries.has(file))?.[1];
	return { kind: "clone", clone: { git, head, refs, isOrigin, underWay } };
}

const operations: readonly (readonly [file: string, operation: string])[] = [
	["MERGE_HEAD", "merge"],
	["rebase-merge", "rebase"],
	["rebase-apply", "rebase"],
	["CHERRY_PICK_HEAD", "cherry-pick"],
	["REVERT_HEAD", "revert"],
	["sequencer", "cherry-pick or revert"],
	["BISECT_LOG", "bisect"],
	["index.lock", "lock"],
];

/** Reads the files, or uses git commands for other ref formats. */
async function readRefs(git: CloneGit): Promise<Pick<LocalClone, "head" | "refs">> {
	const { branch, sha } = (git.isPlain && readPlainHead(git.gitDir)) || (await askHead(git));
	const own = branch === undefined ? undefined : `refs/heads/${branch}`;
	const prefixes = [...(own === undefined ? [] : [own]), "refs/agentv/", "refs/remotes/origin/"];
	const refs = (git.isPlain && readPlainRefs(git.gitDir, prefixes)) || (await listRefs(git, prefixes));
	return { head: { branch, sha: own === undefined ? sha : refs.get(own) }, refs };
}

async function askHead(git: CloneGit): Promise<Head> {
	const symbolic = await git.local(["symbolic-ref", "--quiet", "HEAD"], { okExitCodes: [0, 1] });
	const branch = /^refs\/heads\/(.+)$/.exec(symbolic.stdout.trim())?.[1];
	const { stdout } = await git.local(["rev-parse", "--verify", "--quiet", "HEAD"], { okExitCodes: [0, 1] });
	return { branch, sha: stdout.trim() || undefined };
}

/** Full ref → SHA, by prefixes or names. One git command. */
export async function listRefs(git: CloneGit, prefixes: readonly string[]): Promise<Map<string, string>> {
	const { stdout } = await git.local(["for-each-ref", "--format=%(objectname) %(refname)", ...prefixes]);
	const lines = stdout.split("\n").filter((line) => line !== "");
	return new Map(lines.map((line) => [line.slice(line.indexOf(" ") + 1), line.slice(0, line.indexOf(" "))]));
}

const places = ["refs/heads/", "refs/remotes/origin/"];

/** Branches `a` and `a/b` exclude each other: returns those that exclude `name`. Offline. */
export async function namesInTheWay({ git }: LocalClone, name: string): Promise<ReadonlyMap<string, string>> {
	const parts = name.split("/");
	const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
	const standing = places.flatMap((place) => above.map((part) => place + part));
	const below = places.map((place) => `${place}${name}/`);
	const refs = await listRefs(git, [...standing, ...below]);
	return new Map([...refs].filter(([ref]) => standing.includes(ref) || below.some((start) => ref.startsWith(start))));
}

export interface Wanted {
	readonly kind: "branch" | "tag" | "commit";
	/** Full name (`refs/heads/main`), or the SHA of a pinned commit. */
	readonly ref: string;
	/** For display: `main`. */
	readonly name: string;
	readonly sha: string;
}

/** `message` is a sentence without a full stop. */
interface RemoteProblem {
	readonly reason: string;
	readonly message: string;
	readonly hint: string | undefined;
}

export type RemoteLook =
	| { readonly wanted: Wanted; readonly problem?: undefined }
	| { readonly problem: RemoteProblem; readonly wanted?: undefined };

function wantedRef(ref: string, sha: string): Wanted {
	const name = ref.replace(/^refs\/(heads|tags)\//, "");
	if (ref.startsWith("refs/heads/")) return { kind: "branch", ref, name, sha };
	return { kind: ref.startsWith("refs/tags/") ? "tag" : "commit", ref, name, sha };
}

function wantedCommit(ref: string): Wanted {
	const sha = ref.toLowerCase();
	return { kind: "commit", ref: sha, name: sha.slice(0, 12), sha };
}

export async function lookRemote(remote: Remote): Promise<RemoteLook> {
	const { ref } = remote;
	if (ref !== undefined && isFullSha(ref)) return { wanted: wantedCommit(ref) };
	try {
		const refs = await listRemote(remote);
		const wanted = ref === undefined ? headOf(refs) : namedRef(refs, ref);
		return wanted ? { wanted } : { problem: missingRef(ref) };
	} catch (error) {
		return { problem: remoteProblem(error) };
	}
}

/** Rethrows interruptions and internal errors. */
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

/** Full ref → SHA; `HEAD` also → its branch, as `ref: refs/heads/main`. */
async function listRemote(remote: Remote): Promise<Map<string, string[]>> {
	const { url, ref } = remote;
	const names = ref === undefined ? ["HEAD"] : fullNames(ref);
	const patterns = names.flatMap((name) => (/^(HEAD$|refs\/heads\/)/.test(name) ? [name] : [name, `${name}^{}`]));
	for (const operand of [url, ...patterns]) checkGitOperand(operand);
	const { stdout } = await remoteGit("/", ["ls-remote", "--symref", "--", url, ...patterns], remote);
	const refs = new Map<string, string[]>();
	for (const line of stdout.split("\n")) {
		const [value, name] = line.split("\t");
		if (value && name) refs.set(name, [...(refs.get(name) ?? []), value]);
	}
	return refs;
}

function fullNames(ref: string): string[] {
	return ref.startsWith("refs/") ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
}

function headOf(refs: ReadonlyMap<string, readonly string[]>): Wanted | undefined {
	const values = refs.get("HEAD") ?? [];
	const sha = values.find((value) => !value.startsWith("ref: "));
	const ref = values.find((value) => value.startsWith("ref: "))?.slice("ref: ".length);
	if (sha === undefined) return undefined;
	return ref?.startsWith("refs/heads/") ? wantedRef(ref, sha) : wantedCommit(sha);
}

function namedRef(refs: ReadonlyMap<string, readonly string[]>, ref: string): Wanted | undefined {
	for (const full of fullNames(ref)) {
		const sha = refs.get(`${full}^{}`)?.[0] ?? refs.get(full)?.[0];
		if (sha !== undefined) return wantedRef(full, sha);
	}
	return undefined;
}

export function lastSeen({ ref }: Remote, clone: LocalClone | undefined): RemoteLook {
	if (ref !== undefined && isFullSha(ref)) return { wanted: wantedCommit(ref) };
	const full = clone && knownRef(ref, clone);
	const synced = full === clone?.git.syncedRef ? (clone?.refs.get(remoteRef) ?? clone?.refs.get(baseRef)) : undefined;
	const sha = full && (synced ?? clone.refs.get(full.replace("refs/heads/", "refs/remotes/origin/")));
	if (full && sha) return { wanted: wantedRef(full, sha) };
	return { problem: { reason: "offline", message: "the remote was not contacted", hint: undefined } };
}

function knownRef(ref: string | undefined, { git, refs }: LocalClone): string | undefined {
	if (ref === undefined) return git.syncedRef;
	if (ref.startsWith("refs/")) return ref;
	if (git.syncedRef === `refs/tags/${ref}` || git.syncedRef === `refs/heads/${ref}`) return git.syncedRef;
	return refs.has(`refs/remotes/origin/${ref}`) ? `refs/heads/${ref}` : undefined;
}

type LocalSettings = Pick<LocalGitOptions, "input" | "okExitCodes">;

/** Never uses another repository, nor programs from the clone's own configuration. */
export interface CloneGit {
	readonly root: string;
	readonly gitDir: string;
	/** Whether the configuration is git's own, so that the files can be read without git. */
	readonly isPlain: boolean;
	readonly originUrl: string | undefined;
	/** The full ref (`refs/heads/main`) or SHA of the last sync, from the clone's configuration. */
	readonly syncedRef: string | undefined;
	/** A configuration key that would run a program on remote access. */
	readonly refusedKey: string | undefined;
	/** Offline. */
	local(
		args: readonly string[],
		settings?: LocalSettings & { readonly signal?: AbortSignal | undefined },
	): Promise<GitAnswer>;
	/** Offline, and not interrupted by Ctrl-C. */
	shielded(args: readonly string[], settings?: LocalSettings): Promise<RemoteGitAnswer>;
	remote(args: readonly string[], options: RemoteGitOptions): Promise<RemoteGitAnswer>;
}

const runsPrograms = /^remote\..*\.(uploadpack|vcs)$|^core\.(gitproxy|askpass)$/i;

/** @param root a real path whose `.git` is a directory */
export async function openClone(root: string, env: Environment): Promise<CloneGit> {
	const gitDir = join(root, ".git");
	const plain = readPlainConfig(join(gitDir, "config"));
	const variables = { GIT_DIR: gitDir, GIT_WORK_TREE: root };
	const foreign: Pick<LocalGitOptions, "config" | "variables"> = plain ? { variables } : foreignRepository(root, env);
	const local: CloneGit["local"] = (args, settings = {}) => localGit(root, args, { ...settings, ...foreign, env });
	const setting = async (key: string) =>
		(await local(["config", "--local", "--get", key], { okExitCodes: [0, 1] })).stdout.replace(/\n$/, "") || undefined;
	const configKeys = async () =>
		(await local(["config", "--local", "--includes", "--name-only", "-z", "--list"])).stdout.split("\0");
	return {
		root,
		gitDir,
		isPlain: plain !== undefined,
		originUrl: plain ? plain.get("remote.origin.url") : await remoteUrl(root, { env, ...foreign }),
		syncedRef: plain ? plain.get("agentv.ref") : await setting("agentv.ref"),
		refusedKey: plain ? undefined : (await configKeys()).find((key) => runsPrograms.test(key)),
		local,
		shielded: (args, settings = {}) => shieldedGit(root, args, { ...settings, ...foreign, env }),
		remote: (args, { config = [], ...options }) =>
			remoteGit(root, args, { ...options, variables, config: [...(foreign.config ?? []), ...config] }),
	};
}
