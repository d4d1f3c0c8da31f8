import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { copyRepository, headOf, writeFirstCommit, writeRepository } from "./git-objects.ts";

/** Empty unless the tests' setup sets TMPDIR. */
export const temporary: Readonly<Record<string, string>> =
	process.env.TMPDIR === undefined ? {} : { TMPDIR: process.env.TMPDIR };

/** Git reads only the repository's configuration, and never prompts. */
export const gitTestEnvironment: Readonly<Record<string, string>> = {
	PATH: process.env.PATH ?? "",
	...temporary,
	HOME: "/nonexistent",
	GIT_CONFIG_GLOBAL: "/dev/null",
	GIT_CONFIG_NOSYSTEM: "1",
	GIT_TERMINAL_PROMPT: "0",
	LC_ALL: "C",
};

/** Skips maintenance and fsync, because fixtures do not outlive their tests. */
const settings = [
	...["user.name=Test", "user.email=test@example.com", "commit.gpgSign=false", "protocol.file.allow=always"],
	...["core.fsync=none", "gc.auto=0", "maintenance.auto=false"],
].flatMap((setting) => ["-c", setting]);

/** Returns git's trimmed stdout; throws its error message if it fails. */
export function git(directory: string, ...args: string[]): string {
	const options = { cwd: directory, env: gitTestEnvironment, encoding: "utf8", maxBuffer: 2 ** 30 } as const;
	return execFileSync("git", [...settings, ...args], { ...options, stdio: "pipe" }).trim();
}

/** `null` removes the file; `link` makes it a symbolic link, `mode` sets its permission bits. */
export type FileContent =
	| string
	| Uint8Array
	| null
	| { readonly link: string }
	| { readonly content: string; readonly mode: number };

export function writeTree(directory: string, files: Readonly<Record<string, FileContent>>): void {
	for (const [path, content] of Object.entries(files)) {
		const target = join(directory, path);
		rmSync(target, { force: true, recursive: true });
		if (content === null) continue;
		mkdirSync(dirname(target), { recursive: true });
		if (typeof content === "string" || content instanceof Uint8Array) writeFileSync(target, content);
		else if ("link" in content) symlinkSync(content.link, target);
		else {
			writeFileSync(target, content.content);
			chmodSync(target, content.mode);
		}
	}
}

export interface TestRepository {
	readonly root: string;
	commit(files: Readonly<Record<string, FileContent>>, message?: string): string;
	branch(name: string): void;
	tag(name: string, options?: { readonly annotated?: boolean }): void;
	/** Force-pushes all branches and tags; creates `bare` if needed, and returns it. */
	pushTo(bare: string): string;
	git(...args: string[]): string;
}

export function gitRepository(root: string, files?: Readonly<Record<string, FileContent>>): TestRepository {
	mkdirSync(root, { recursive: true });
	const isNew = !existsSync(join(root, ".git"));
	if (!isNew) git(root, "init", "--quiet", "--initial-branch=main");
	else writeRepository(join(root, ".git"), false);
	const repository: TestRepository = {
		root,
		commit(changes, message = "change") {
			writeTree(root, changes);
			git(root, "add", "--all", "--force");
			git(root, "commit", "--quiet", "--allow-empty", "--message", message);
			return headOf(join(root, ".git")) ?? git(root, "rev-parse", "HEAD");
		},
		branch(name) {
			const exists = git(root, "branch", "--list", name) !== "";
			git(root, "switch", "--quiet", ...(exists ? [name] : ["--create", name]));
		},
		tag(name, options = {}) {
			git(root, "tag", ...(options.annotated ? ["--annotate", "--message", name] : []), name);
		},
		pushTo(bare) {
			bareRepository(bare);
			if (!copyRepository(join(root, ".git"), bare))
				git(root, "push", "--quiet", "--force", bare, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*");
			return bare;
		},
		git: (...args) => git(root, ...args),
	};
	if (!files) return repository;
	writeTree(root, files);
	if (isNew && writeFirstCommit(root, "first") !== undefined) return repository;
	repository.commit({}, "first");
	return repository;
}

/** Serves partial clones and single commits, like the large hosts. Returns the path. */
export function bareRepository(path: string): string {
	if (!existsSync(join(path, "HEAD"))) writeRepository(path, true);
	return path;
}
