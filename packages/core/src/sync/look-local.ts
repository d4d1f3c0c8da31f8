import { join } from "node:path";
import { sameRepository } from "../base/git-url.ts";
import type { Environment } from "../io/environment.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { pathKind, realPath, targetKind } from "../io/files/stat-path.ts";
import { type CloneGit, openClone } from "./clone-git.ts";
import { workshopPrefix } from "./workshop.ts";

/** A clone as it stands on disk, found with one git command. */
export interface LocalClone {
	readonly git: CloneGit;
	readonly head: Head;
	/** Full ref → SHA: `refs/agentv/*`, what is known of origin, and the branch that is checked out. */
	readonly refs: ReadonlyMap<string, string>;
	/** Whether a sync of ours made it or took it over: it holds `refs/agentv/base`. */
	readonly isOurs: boolean;
	readonly isOrigin: boolean;
	/** What is half-done there (`merge`, `rebase`, …), or holds git's lock (`lock`). */
	readonly underWay: string | undefined;
}

export interface Head {
	/** Undefined when detached. */
	readonly branch: string | undefined;
	/** Undefined before the first commit. */
	readonly sha: string | undefined;
}

/** What stands at a benchmark's path. */
export type LocalLook =
	| { readonly kind: "missing" | "empty" }
	/** `message`: a sentence without a full stop. */
	| { readonly kind: "foreign"; readonly message: string }
	| { readonly kind: "clone"; readonly clone: LocalClone };

export const baseRef = "refs/agentv/base";
export const remoteRef = "refs/agentv/remote";

/** Looks at `path` (real or not), which should hold a clone of `url`. Goes nowhere, changes nothing. */
export async function lookLocal(path: string, url: string, env: Environment): Promise<LocalLook> {
	const kind = targetKind(path);
	if (kind === "missing") {
		if (pathKind(path) === "link") return { kind: "foreign", message: `${path} is a link that leads nowhere` };
		return { kind: "missing" };
	}
	if (kind !== "directory") return { kind: "foreign", message: `${path} is no directory` };
	const root = realPath(path);
	const gitKind = pathKind(join(root, ".git"));
	if (gitKind === "missing") {
		const isEmpty = listDirectory(root).every((name) => name === "lost+found" || name.startsWith(workshopPrefix));
		return isEmpty ? { kind: "empty" } : { kind: "foreign", message: `${path} is not empty and no git repository` };
	}
	if (gitKind !== "directory")
		return { kind: "foreign", message: `${path} is a linked work tree or submodule; sync needs a clone of its own` };
	const entries = new Set(listDirectory(join(root, ".git")));
	if (!entries.has("HEAD") || !entries.has("config"))
		return { kind: "foreign", message: `${path} holds a broken git repository` };
	const git = await openClone(root, env);
	const { head, refs } = await readRefs(git);
	const isOurs = refs.has(baseRef);
	const isOrigin = git.originUrl !== undefined && sameRepository(git.originUrl, url);
	if (!isOrigin && !isOurs) return { kind: "foreign", message: `${path} holds another repository` };
	return { kind: "clone", clone: { git, head, refs, isOurs, isOrigin, underWay: underWay(entries) } };
}

const operations: readonly (readonly [file: string, operation: string])[] = [
	["MERGE_HEAD", "merge"],
	["rebase-merge", "rebase"],
	["rebase-apply", "rebase"],
	["CHERRY_PICK_HEAD", "cherry-pick"],
	["REVERT_HEAD", "revert"],
	["BISECT_LOG", "bisect"],
	["index.lock", "lock"],
];

function underWay(entries: ReadonlySet<string>): string | undefined {
	return operations.find(([file]) => entries.has(file))?.[1];
}

/** HEAD from its file, the refs with one command. */
async function readRefs(git: CloneGit): Promise<{ head: Head; refs: Map<string, string> }> {
	const text = readTextFile(join(git.gitDir, "HEAD"), { maxBytes: 10_000 }).trim();
	const branch = /^ref: refs\/heads\/(.+)$/.exec(text)?.[1];
	const patterns = [...(branch === undefined ? [] : [`refs/heads/${branch}`]), "refs/agentv/", "refs/remotes/origin/"];
	const { stdout } = await git.local(["for-each-ref", "--format=%(objectname) %(refname)", ...patterns]);
	const refs = new Map<string, string>();
	for (const line of stdout.split("\n")) {
		const space = line.indexOf(" ");
		if (space > 0) refs.set(line.slice(space + 1), line.slice(0, space));
	}
	const sha = branch === undefined ? /^[0-9a-f]{40,64}$/.exec(text)?.[0] : refs.get(`refs/heads/${branch}`);
	return { head: { branch, sha }, refs };
}
