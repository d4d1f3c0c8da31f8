import { dirname, join } from "node:path";
import type { ResetMode } from "../format/workspace-entry.ts";
import { copyPreparedTree, type PreparedTree } from "../machine/copy-tree.ts";
import { makeDirectory } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, pathKind, rawPath, systemPath } from "../machine/files.ts";
import { listTree, type TreeEntry } from "../machine/find-files.ts";
import { type GitAnswer, initRepository, type LocalGitOptions, localGit } from "../machine/git.ts";
import { writeGitObject, writeGitTree } from "../machine/git-repository.ts";
import { readBytes } from "../machine/read-file.ts";
import { noteTree, resetTree, type TreeNotes } from "../machine/tree-notes.ts";
import { writeNewFile } from "../machine/write-file.ts";
import { plainGitEnvironment } from "./repositories.ts";

/** Blobs in the store before and after a change; absent if there was no file. */
export interface StoredChange {
	readonly before?: string | undefined;
	readonly after?: string | undefined;
}

/** No rule of a repository or user may affect how a file is read or shown. */
const config = [
	["core.attributesFile", "/dev/null"],
	["core.excludesFile", "/dev/null"],
	["core.quotePath", "false"],
] as const;

/**
 * A separate repository, outside any workspace, that stores versions of files and shows their
 * differences. It adds nothing to a workspace, and nothing in a workspace (attributes, filters,
 * configuration) affects it.
 */
export class ChangeStore {
	readonly #directory: string;
	readonly #objects: string;
	readonly #env: Environment;
	#made = false;

	constructor(directory: string, env: Environment) {
		this.#directory = directory;
		this.#objects = join(directory, "objects");
		this.#env = plainGitEnvironment(env);
	}

	/** Returns whether the stored content still exists. */
	exists(): boolean {
		return !this.#made || pathKind(this.#objects) === "directory";
	}

	saveBytes(content: Uint8Array): string {
		this.#make();
		return writeGitObject(this.#objects, "blob", content);
	}

	/**
	 * Returns the hunks of each change's unified diff, read as text; empty if only one side exists
	 * and is empty. The two sides of a change must differ.
	 */
	async hunks(changes: readonly StoredChange[], signal?: AbortSignal): Promise<string[]> {
		if (changes.length === 0) return [];
		this.#make();
		// Under our own names: a file's name must not affect how its change is shown, nor the order.
		const tree = (side: "before" | "after") =>
			changes.flatMap(({ [side]: sha }, index) =>
				sha === undefined ? [] : [{ name: nameAt(index), mode: "100644" as const, sha }],
			);
		const [from, to] = [writeGitTree(this.#objects, tree("before")), writeGitTree(this.#objects, tree("after"))];
		const show = ["-p", "--text", "--full-index", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"];
		const { stdout } = await this.git(["diff-tree", ...show, from, to, "--"], { signal });
		return splitHunks(`\n${stdout}`, changes.length);
	}

	/** @throws GitError if it is not stored */
	async read(blob: string): Promise<Buffer> {
		return (await this.git(["cat-file", "blob", blob])).stdoutBytes;
	}

	/** Applies a patch, ignoring the configuration of any repository there. @throws GitError */
	async apply(patchFile: string, directory: string, signal?: AbortSignal): Promise<void> {
		this.#make();
		// Names that other systems treat as git's own are ordinary files here.
		const names = [
			["core.protectNTFS", "false"],
			["core.protectHFS", "false"],
		] as const;
		await localGit(directory, ["apply", "--whitespace=nowarn", "--", patchFile], {
			...{ env: this.#env, signal, config: [...config, ...names] },
			variables: { GIT_DIR: this.#directory },
		});
	}

	async git(args: readonly string[], options: Omit<LocalGitOptions, "env"> = {}): Promise<GitAnswer> {
		this.#make();
		const variables = { GIT_DIR: this.#directory, ...options.variables };
		return localGit(this.#directory, args, { ...options, env: this.#env, variables, config });
	}

	#make(): void {
		if (this.#made) return;
		makeDirectory(this.#directory);
		initRepository(this.#directory, { env: this.#env, bare: true });
		this.#made = true;
	}
}

function nameAt(index: number): string {
	return String(index).padStart(8, "0");
}

/** Each line of a hunk begins with a blank, a sign or a backslash, so a heading is unambiguous. */
function splitHunks(diff: string, count: number): string[] {
	const starts = Array.from({ length: count + 1 }, () => diff.length);
	let at = 0;
	for (let index = 0; index < count; index++) {
		at = diff.indexOf(`\ndiff --git a/${nameAt(index)} `, at);
		if (at === -1) throw new Error(`git shows no difference for change ${index}`);
		starts[index] = at;
	}
	return starts.slice(0, -1).map((start, index) => {
		const section = diff.slice(start + 1, (starts[index + 1] ?? diff.length) + 1);
		const hunk = section.indexOf("\n@@ ");
		return hunk === -1 ? "" : section.slice(hunk + 1);
	});
}

/** A prepared tree that is never modified: copies are created from it and reset to it. */
export class Pristine {
	readonly root: string;
	readonly entries: readonly TreeEntry[];
	readonly #paths: ReadonlySet<string>;
	/** Where the tree was prepared: absolute links into it become links into the copy. */
	readonly #preparedAt: string;

	constructor(root: string, preparedAt = root) {
		this.root = root;
		this.#preparedAt = preparedAt;
		// Sockets and pipes of what hooks left running are useless in a copy.
		this.entries = listTree(root).filter(({ kind }) => kind !== "other");
		this.#paths = new Set(this.entries.map(({ path }) => path));
	}

	exists(): boolean {
		return pathKind(this.root) === "directory";
	}

	has(path: string): boolean {
		return this.#paths.has(path);
	}

	/** Copies it to `path`, which must not exist. */
	async copyTo(path: string, signal?: AbortSignal): Promise<TreeNotes> {
		await copyPreparedTree(this.#asSeenFrom(path), path, { preserveTimes: true, signal });
		return noteTree(path, signal);
	}

	/** Creates a pristine copy at `path` of a tree that will be modified; links are unchanged. */
	static async of(tree: string, path: string, signal?: AbortSignal): Promise<Pristine> {
		const { entries } = new Pristine(tree);
		await copyPreparedTree({ root: tree, entries }, path, { preserveTimes: true, signal });
		return new Pristine(path, tree);
	}

	/** `fast` keeps new files that its own ignore rules match, `strict` none. */
	reset(
		path: string,
		clean: TreeNotes,
		mode: Exclude<ResetMode, "none">,
		rules: { ignored(paths: readonly string[]): Promise<ReadonlySet<string>> },
		signal?: AbortSignal,
	): Promise<TreeNotes> {
		const keep = (extras: readonly string[]) => rules.ignored(extras.filter((extra) => !isGitsOwn(extra)));
		return resetTree(this.#asSeenFrom(path), path, clean, { signal, ...(mode === "fast" ? { keep } : {}) });
	}

	#asSeenFrom(path: string): PreparedTree {
		const entries = this.entries.map((entry) => {
			const { target } = entry;
			if (target === undefined || !target.startsWith("/") || !isInside(this.#preparedAt, target)) return entry;
			return { ...entry, target: join(path, target.slice(this.#preparedAt.length)) };
		});
		return { root: this.root, entries };
	}
}

/** Returns whether a path is in a repository's own directory. */
export function isGitsOwn(path: string): boolean {
	return path === ".git" || path.startsWith(".git/") || path.endsWith("/.git") || path.includes("/.git/");
}

/**
 * The ignore rules of a workspace's baseline: a `.gitignore` that the agent writes later doesn't
 * count. Each repository in the workspace has its own rules.
 */
export class IgnoreRules {
	readonly #pristine: Pristine;
	readonly #store: ChangeStore;
	readonly #directory: string;
	/** Roots of repositories, longest first; `""` is the workspace itself. */
	readonly #repositories: readonly string[];
	readonly #files: readonly string[];
	#ready: Set<string> | undefined;

	/** @param directory a separate directory for copies of the rules */
	constructor(pristine: Pristine, store: ChangeStore, directory: string) {
		this.#pristine = pristine;
		this.#store = store;
		this.#directory = directory;
		const paths = pristine.entries.map(({ path }) => path);
		const roots = paths.filter((path) => path.endsWith("/.git")).map((path) => dirname(path));
		this.#repositories = [...roots.sort((a, b) => b.length - a.length), ""];
		this.#files = pristine.entries
			.filter(({ path, kind }) => kind === "file" && /(^|\/)\.gitignore$/.test(path) && !/(^|\/)\.git\//.test(path))
			.map(({ path }) => path);
	}

	async ignored(paths: readonly string[]): Promise<ReadonlySet<string>> {
		if (this.#files.length === 0 || paths.length === 0) return new Set();
		const withRules = this.#prepare();
		const groups = new Map<string, string[]>();
		for (const path of paths) {
			const root = this.#rootOf(path);
			if (withRules.has(root)) groups.set(root, [...(groups.get(root) ?? []), path]);
		}
		const ignored = new Set<string>();
		for (const [root, members] of groups) {
			const prefix = root === "" ? "" : `${root}/`;
			const input = Buffer.concat(
				members.flatMap((path) => [Buffer.from(systemPath(path.slice(prefix.length))), Buffer.of(0)]),
			);
			const { stdoutBytes } = await this.#store.git(["check-ignore", "--no-index", "-z", "--stdin"], {
				...{ input, okExitCodes: [0, 1] },
				variables: { GIT_WORK_TREE: this.#placeOf(root) },
			});
			for (const name of stdoutBytes.toString("latin1").split("\0"))
				if (name !== "") ignored.add(prefix + rawPath(Buffer.from(name, "latin1")));
		}
		return ignored;
	}

	#rootOf(path: string): string {
		return this.#repositories.find((root) => root === "" || path.startsWith(`${root}/`)) ?? "";
	}

	#placeOf(root: string): string {
		return join(this.#directory, String(this.#repositories.indexOf(root)));
	}

	/** Copies the rule files once; returns which repositories have any. */
	#prepare(): Set<string> {
		if (this.#ready) return this.#ready;
		this.#ready = new Set();
		for (const file of this.#files) {
			const root = this.#rootOf(file);
			const goal = join(this.#placeOf(root), root === "" ? file : file.slice(root.length + 1));
			makeDirectory(dirname(goal));
			writeNewFile(goal, readBytes(join(this.#pristine.root, file)));
			this.#ready.add(root);
		}
		return this.#ready;
	}
}
