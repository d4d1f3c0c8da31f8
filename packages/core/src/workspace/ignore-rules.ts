import { dirname, join } from "node:path";
import { makeDirectory } from "../io/files/make-directory.ts";
import { rawPath, systemPath } from "../io/files/raw-path.ts";
import { readBytes } from "../io/files/read-text.ts";
import { writeNewFile } from "../io/files/write-new.ts";
import type { ChangeStore } from "./change-store.ts";
import type { Pristine } from "./pristine.ts";

/**
 * The ignore rules of a workspace's baseline: a `.gitignore` that the agent writes later doesn't
 * count.
 * Each repository in the workspace has its own rules.
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

	/** Returns which of the paths (relative to the workspace) are ignored. */
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
