import { join } from "node:path";
import type { Environment } from "../io/environment.ts";
import { makeDirectory } from "../io/files/make-directory.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { initRepository } from "../io/git/init-repository.ts";
import { type GitAnswer, type LocalGitOptions, localGit } from "../io/git/local-git.ts";
import { writeGitObject, writeGitTree } from "../io/git/object-writer.ts";
import { plainGitEnvironment } from "./workspace-git.ts";

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

	/**
	 * Applies a patch in a directory, independent of any repository configuration there. @throws
	 * GitError
	 */
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
