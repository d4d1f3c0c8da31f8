import { join } from "node:path";
import { copyPreparedTree, type PreparedTree } from "../io/files/copy-tree.ts";
import { listTree, type TreeEntry } from "../io/files/list-tree.ts";
import { isInside } from "../io/files/path-inside.ts";
import { resetTree } from "../io/files/reset-tree.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { noteTree, type TreeNotes } from "../io/files/tree-notes.ts";
import type { ResetMode } from "../schema/workspace-entry.ts";

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
