import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Environment } from "../io/environment.ts";
import { makeDirectory } from "../io/files/make-directory.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import { initRepository } from "../io/git/init-repository.ts";
import { type GitAnswer, type LocalGitOptions, localGit } from "../io/git/local-git.ts";
import { plainGitEnvironment } from "./workspace-git.ts";

/** A version of a file: its mode as git writes it and the SHA of its content. */
export interface StoredFile {
	readonly path: string;
	readonly mode: "100644" | "100755" | "120000";
	readonly sha: string;
}

const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
/** No rule of a repository, and none of the user, may say how a file is read or shown. */
const config = [
	["core.attributesFile", "/dev/null"],
	["core.excludesFile", "/dev/null"],
	["core.quotePath", "false"],
	["core.bigFileThreshold", "512m"],
] as const;

/**
 * A repository of our own, far from any workspace, that keeps versions of files and shows their differences. Nothing of it is in the
 * workspace, and nothing in a workspace (attributes, filters, configuration) has a say in it.
 */
export class ChangeStore {
	readonly #directory: string;
	readonly #env: Environment;
	#ready: Promise<void> | undefined;

	constructor(directory: string, env: Environment) {
		this.#directory = directory;
		this.#env = plainGitEnvironment(env);
	}

	/** Stores files' contents as they are; returns their SHAs in the same order. */
	async saveFiles(paths: readonly string[], signal?: AbortSignal): Promise<string[]> {
		if (paths.length === 0) return [];
		const input = paths.map((path) => `${/["\n\r\\]/.test(path) ? quoted(path) : path}\n`).join("");
		const { stdout } = await this.git(["hash-object", "-w", "--no-filters", "--stdin-paths"], { input, signal });
		return stdout.trimEnd().split("\n");
	}

	async saveText(text: string, signal?: AbortSignal): Promise<string> {
		return (await this.git(["hash-object", "-w", "--stdin"], { input: text, signal })).stdout.trim();
	}

	/** The unified diff between two sets of files, as git shows it; empty when they are the same. */
	async diff(before: readonly StoredFile[], after: readonly StoredFile[], signal?: AbortSignal): Promise<string> {
		const index = join(this.#directory, `index-${randomBytes(6).toString("hex")}`);
		const line = (side: string) => (file: StoredFile) => `${file.mode} ${file.sha}\t${side}/${file.path}\0`;
		const input = [...before.map(line("old")), ...after.map(line("new"))].join("");
		try {
			const options = { variables: { GIT_INDEX_FILE: index }, signal };
			await this.git(["update-index", "-z", "--index-info"], { ...options, input });
			const tree = (await this.git(["write-tree"], options)).stdout.trim();
			const sides = [before.length > 0 ? `${tree}:old` : emptyTree, after.length > 0 ? `${tree}:new` : emptyTree];
			const show = ["-p", "--full-index", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"];
			return (await this.git(["diff-tree", ...show, ...sides, "--"], { signal })).stdout;
		} finally {
			await removeTree(index);
		}
	}

	/** Runs git in the store. */
	async git(args: readonly string[], options: Omit<LocalGitOptions, "env"> = {}): Promise<GitAnswer> {
		this.#ready ??= this.#init();
		await this.#ready;
		const variables = { GIT_DIR: this.#directory, ...options.variables };
		return localGit(this.#directory, args, { ...options, env: this.#env, variables, config });
	}

	async #init(): Promise<void> {
		makeDirectory(this.#directory);
		initRepository(this.#directory, { env: this.#env, bare: true });
	}
}

/** A path as git reads it in a line-oriented list. */
function quoted(path: string): string {
	const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\" };
	return `"${path.replace(/[\n\r"\\]/g, (character) => escapes[character] ?? character)}"`;
}
