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
	type LocalGitOptions,
	localGit,
	type RemoteGitAnswer,
	type RemoteGitOptions,
	remoteGit,
	shieldedGit,
} from "../machine/git.ts";
import { GitError } from "../machine/git-error.ts";
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
	/** For `foreign`: what is there, a sentence without a full stop. */
	readonly foreign: string | undefined;
	readonly remote: { readonly wanted: Wanted } | { readonly problem: RemoteProblem };
	/** Present for a clone. */
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
	/** HEAD against the wanted commit; undefined if that is not available. */
	readonly relation: Relation | undefined;
	/** Whether the wanted branch exists here, is not checked out, and has its own commits. */
	readonly targetHasLocalCommits: boolean;
	/** Paths that differ from HEAD; only checked if files would change. */
	readonly edits: readonly Edit[];
	/** Paths that differ between HEAD and the wanted commit. */
	readonly incoming: readonly string[];
}

export interface Edit {
	readonly path: string;
	readonly isTracked: boolean;
}

/** A clone on disk, inspected without starting git if its configuration is plain. */
export interface LocalClone {
	readonly git: CloneGit;
	readonly head: Head;
	/** Full ref → SHA: `refs/agentv/*`, what is known of origin, and the checked-out branch. */
	readonly refs: ReadonlyMap<string, string>;
	/** Whether our sync created or adopted it: it has `refs/agentv/base`. */
	readonly isOurs: boolean;
	readonly isOrigin: boolean;
	/** An unfinished operation (`merge`, `rebase`, …), or git's lock (`lock`). */
	readonly underWay: string | undefined;
}

export interface Head {
	/** Undefined if detached. */
	readonly branch: string | undefined;
	/** Undefined before the first commit. */
	readonly sha: string | undefined;
}

/** What is at a benchmark's path. */
export type LocalLook =
	| { readonly kind: "missing" | "empty" }
	/** `message`: a sentence without a full stop. */
	| { readonly kind: "foreign"; readonly message: string }
	| { readonly kind: "clone"; readonly clone: LocalClone };

export const baseRef = "refs/agentv/base";
export const remoteRef = "refs/agentv/remote";

/** Inspects `path` (real or not), which should be a clone of `url`. Offline and read-only. */
export async function lookLocal(path: string, url: string, env: Environment): Promise<LocalLook> {
	const kind = targetKind(path);
	if (kind === "missing") {
		if (pathKind(path) === "link") return { kind: "foreign", message: `${path} is a broken link` };
		return { kind: "missing" };
	}
	if (kind !== "directory") return { kind: "foreign", message: `${path} is not a directory` };
	const root = realPath(path);
	const gitKind = pathKind(join(root, ".git"));
	if (gitKind === "other") return { kind: "foreign", message: `${path} is not readable, or is not a git repository` };
	if (gitKind === "missing") {
		const isEmpty = listDirectory(root).every((name) => name === "lost+found" || name.startsWith(workshopPrefix));
		return isEmpty ? { kind: "empty" } : { kind: "foreign", message: `${path} is not empty and not a git repository` };
	}
	if (gitKind !== "directory")
		return { kind: "foreign", message: `${path} is a linked work tree or submodule; sync needs its own clone` };
	const entries = new Set(listDirectory(join(root, ".git")));
	if (!entries.has("HEAD") || !entries.has("config"))
		return { kind: "foreign", message: `${path} is a broken git repository` };
	const git = await openClone(root, env);
	const { head, refs } = await readRefs(git);
	const isOurs = refs.has(baseRef);
	const isOrigin = git.originUrl !== undefined && sameRepository(git.originUrl, url);
	if (!isOrigin && !isOurs) return { kind: "foreign", message: `${path} contains another repository` };
	return { kind: "clone", clone: { git, head, refs, isOurs, isOrigin, underWay: underWay(entries) } };
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

function underWay(entries: ReadonlySet<string>): string | undefined {
	return operations.find(([file]) => entries.has(file))?.[1];
}

/** Reads HEAD and the refs from their files, or with git commands for other ref formats. */
async function readRefs(git: CloneGit): Promise<{ head: Head; refs: ReadonlyMap<string, string> }> {
	const found = (git.isPlain && readPlainHead(git.gitDir)) || (await askHead(git));
	const { branch } = found;
	const own = branch === undefined ? [] : [`refs/heads/${branch}`];
	const prefixes = [...own, "refs/agentv/", "refs/remotes/origin/"];
	const refs = (git.isPlain && readPlainRefs(git.gitDir, prefixes)) || (await askRefs(git, prefixes));
	return { head: { branch, sha: branch === undefined ? found.sha : refs.get(`refs/heads/${branch}`) }, refs };
}

async function askHead(git: CloneGit): Promise<Head> {
	const symbolic = await git.local(["symbolic-ref", "--quiet", "HEAD"], { okExitCodes: [0, 1] });
	const branch = /^refs\/heads\/(.+)$/.exec(symbolic.stdout.trim())?.[1];
	const { stdout } = await git.local(["rev-parse", "--verify", "--quiet", "HEAD"], { okExitCodes: [0, 1] });
	return { branch, sha: stdout.trim() || undefined };
}

async function askRefs(git: CloneGit, prefixes: readonly string[]): Promise<Map<string, string>> {
	const { stdout } = await git.local(["for-each-ref", "--format=%(objectname) %(refname)", ...prefixes]);
	const lines = stdout.split("\n").filter((line) => line !== "");
	return new Map(lines.map((line) => [line.slice(line.indexOf(" ") + 1), line.slice(0, line.indexOf(" "))]));
}

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

/** The relation of the checked-out commit to the wanted one. */
export interface Relation {
	/** Commits that only the checked-out one has, or only the wanted one. */
	readonly ahead: number;
	readonly behind: number;
	/** Whether a checked-out commit was made here: nothing from the remote contains it. */
	readonly hasLocalCommits: boolean;
}

/** Offline; one git command, or two if HEAD has more commits. */
export async function relate({ git, head }: LocalClone, tip: string): Promise<Relation> {
	if (head.sha === undefined || head.sha === tip) return { ahead: 0, behind: 0, hasLocalCommits: false };
	const { stdout } = await git.local(["rev-list", "--left-right", "--count", `${head.sha}...${tip}`, "--"]);
	const [ahead = 0, behind = 0] = stdout.trim().split("\t").map(Number);
	return { ahead, behind, hasLocalCommits: ahead > 0 && (await hasLocalCommits(git, head.sha, tip)) };
}

/** Returns whether the history of `commit` has a commit that nothing from the remote contains. */
export async function hasLocalCommits(git: LocalClone["git"], commit: string, tip: string): Promise<boolean> {
	const known = ["--not", "--remotes=origin", "--glob=refs/agentv/", tip];
	const { stdout } = await git.local(["rev-list", "--max-count=1", commit, ...known, "--"]);
	return stdout.trim() !== "";
}

/** False if a shallow history ends before a common ancestor. */
export async function shareHistory(git: LocalClone["git"], one: string, other: string): Promise<boolean> {
	return (await git.local(["merge-base", one, other], { okExitCodes: [0, 1] })).exitCode === 0;
}

export async function fetchedCommit(git: LocalClone["git"]): Promise<string> {
	return (await git.local(["rev-parse", "--verify", `${remoteRef}^{commit}`])).stdout.trim();
}

/** Settings for remote access. */
export interface RemoteSettings
	extends Pick<RemoteGitOptions, "env" | "signal" | "timeoutMs" | "credentials" | "onProgress"> {
	readonly env: Environment;
}

type LocalSettings = Pick<LocalGitOptions, "input" | "okExitCodes">;

/** Never another repository, nor programs from the clone's own configuration. */
export interface CloneGit {
	readonly root: string;
	readonly gitDir: string;
	/** Whether its configuration is git's own, so that its files can be read without git. */
	readonly isPlain: boolean;
	/** `remote.origin.url` as in the configuration. */
	readonly originUrl: string | undefined;
	/** The full ref (`refs/heads/main`) or SHA of the last sync, from the clone's configuration. */
	readonly syncedRef: string | undefined;
	/** A configuration key of the clone that would run a program on remote access. */
	readonly refusedKey: string | undefined;
	/** Offline. */
	local(
		args: readonly string[],
		settings?: LocalSettings & { readonly signal?: AbortSignal | undefined },
	): Promise<GitAnswer>;
	/** Offline, and not interrupted by Ctrl-C. */
	shielded(args: readonly string[], settings?: LocalSettings): Promise<RemoteGitAnswer>;
	/** Online. */
	remote(
		args: readonly string[],
		settings: RemoteSettings & Pick<RemoteGitOptions, "input" | "config">,
	): Promise<RemoteGitAnswer>;
}

const runsPrograms = /^remote\..*\.(uploadpack|vcs)$|^core\.(gitproxy|askpass)$/i;

/** Opens the clone at `root` (a real path whose `.git` is a directory). */
export async function openClone(root: string, env: Environment): Promise<CloneGit> {
	const gitDir = join(root, ".git");
	const plain = readPlainConfig(join(gitDir, "config"));
	const variables = { GIT_DIR: gitDir, GIT_WORK_TREE: root };
	const foreign = plain ? { variables } : foreignRepository(root, env);
	const local: CloneGit["local"] = (args, settings = {}) => localGit(root, args, { ...settings, ...foreign, env });
	const setting = async (key: string) =>
		(await local(["config", "--local", "--get", key], { okExitCodes: [0, 1] })).stdout.replace(/\n$/, "") || undefined;
	return {
		root,
		gitDir,
		isPlain: plain !== undefined,
		originUrl: plain ? plain.get("remote.origin.url") : await remoteUrl(root, { env, ...foreign }),
		syncedRef: plain ? plain.get("agentv.ref") : await setting("agentv.ref"),
		refusedKey: plain ? undefined : await refusedKeyOf(local),
		local,
		shielded: (args, settings = {}) => shieldedGit(root, args, { ...settings, ...foreign, env }),
		remote: (args, settings) =>
			remoteGit(root, args, {
				...settings,
				variables,
				config: [...("config" in foreign ? (foreign.config ?? []) : []), ...(settings.config ?? [])],
			}),
	};
}

async function refusedKeyOf(local: CloneGit["local"]): Promise<string | undefined> {
	const { stdout } = await local(["config", "--local", "--includes", "--name-only", "-z", "--list"]);
	return stdout.split("\0").find((key) => runsPrograms.test(key));
}
