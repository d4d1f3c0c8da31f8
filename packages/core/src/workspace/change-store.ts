import { join } from "node:path";
import type { Environment } from "../io/environment.ts";
import { makeDirectory } from "../io/files/make-directory.ts";
import { readBytes } from "../io/files/read-text.ts";
import { initRepository } from "../io/git/init-repository.ts";
import { type GitAnswer, type LocalGitOptions, localGit } from "../io/git/local-git.ts";
import { writeGitObject, writeGitTreeOf } from "../io/git/object-writer.ts";
import { plainGitEnvironment } from "./workspace-git.ts";

/** A version of a file: its mode as git writes it and the SHA of its content. */
export interface StoredFile {
	readonly path: string;
	readonly mode: "100644" | "100755" | "120000";
	readonly sha: string;
}

/** No rule of a repository, and none of the user, may say how a file is read or shown. */
const config = [
	["core.attributesFile", "/dev/null"],
	["core.excludesFile", "/dev/null"],
	["core.quotePath", "false"],
] as const;

/**
 * A repository of our own, far from any workspace, that keeps versions of files and shows their differences. Nothing of it is in the
 * workspace, and nothing in a workspace (attributes, filters, configuration) has a say in it.
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

	/** Stores a file's content as it is; its SHA. @throws AgentvError */
	saveFile(path: string): string {
		return this.saveBytes(readBytes(path));
	}

	saveBytes(content: Uint8Array): string {
		this.#make();
		return writeGitObject(this.#objects, "blob", content);
	}

	/** The unified diff between two sets of files, as git shows it; empty when they are the same. */
	async diff(before: readonly StoredFile[], after: readonly StoredFile[], signal?: AbortSignal): Promise<string> {
		this.#make();
		const [from, to] = [writeGitTreeOf(this.#objects, before), writeGitTreeOf(this.#objects, after)];
		if (from === to) return "";
		const show = ["-p", "--full-index", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"];
		return (await this.git(["diff-tree", ...show, from, to, "--"], { signal })).stdout;
	}

	/** Runs git in the store. */
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
