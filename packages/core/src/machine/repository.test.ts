import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, gitTestEnvironment, tempTree, writeTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { currentBranch, headCommit, isDirty, remoteUrl, repositoryRoot, trackedFilesSync } from "./git-repository.ts";

const options = { env: gitTestEnvironment };

test("finds the root from any path below it, also in linked work trees", () => {
	const base = tempTree();
	const repository = gitRepository(join(base, "repo"), { "deep/er/a": "1" });
	expect(repositoryRoot(join(repository.root, "deep/er"))).toBe(repository.root);
	expect(repositoryRoot(join(repository.root, "not/there/yet"))).toBe(repository.root);
	repository.git("worktree", "add", "--quiet", join(base, "linked"), "-b", "linked");
	expect(repositoryRoot(join(base, "linked/deep"))).toBe(join(base, "linked"));
	mkdirSync(join(base, "empty/.git"), { recursive: true });
	expect(repositoryRoot(join(base, "empty"))).toBe(repositoryRoot(base));
});

test("returns HEAD before and after the first commit, on a branch and detached", async () => {
	const repository = gitRepository(tempTree());
	expect(await headCommit(repository.root, options)).toBeUndefined();
	expect(await currentBranch(repository.root, options)).toBe("main");
	const sha = repository.commit({ a: "1" });
	expect(await headCommit(repository.root, options)).toBe(sha);
	repository.git("switch", "--quiet", "--detach");
	expect(await currentBranch(repository.root, options)).toBeUndefined();
});

test.each([{ "a b": "2" }, { "dir/n\new": "x" }, { gone: null }])(
	"reports a repository as dirty after %j",
	async (change) => {
		const { root } = gitRepository(tempTree(), { "a b": "1", "dir/ü": "1", ".gitignore": "*.log\n", gone: "1" });
		writeTree(root, { "x.log": "x" });
		expect(await isDirty(root, options)).toBe(false);
		writeTree(root, change);
		expect(await isDirty(root, options)).toBe(true);
	},
);

test("lists tracked files", () => {
	const { root } = gitRepository(tempTree(), { "ü/a": "1", "kept.log": "1", ".gitignore": "*.log\nbuild/\n" });
	writeFileSync(join(root, "other.log"), "");
	expect(trackedFilesSync(root, options)).toEqual([".gitignore", "kept.log", "ü/a"]);
});

test("returns the URL of a remote", async () => {
	const repository = gitRepository(tempTree());
	expect(await remoteUrl(repository.root, options)).toBeUndefined();
	repository.git("remote", "add", "origin", "https://example.com/x.git");
	expect(await remoteUrl(repository.root, options)).toBe("https://example.com/x.git");
});

test("ignores a repository with a pipe as HEAD, which git would wait for", () => {
	const root = tempTree({ "a/.git/config": "" });
	execFileSync("mkfifo", [join(root, "a/.git/HEAD")]);
	expect(repositoryRoot(join(root, "a"))).toBe(repositoryRoot(root));
});
