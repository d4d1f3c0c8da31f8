import { join } from "node:path";
import { sameRepository } from "../base/git-url.ts";
import type { Environment } from "../io/environment.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { pathKind, realPath, targetKind } from "../io/files/stat-path.ts";
import { readPlainHead, readPlainRefs } from "../io/git/plain-refs.ts";
import { workshopPrefix } from "../model/home-places.ts";
import { type CloneGit, openClone } from "./clone-git.ts";

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
