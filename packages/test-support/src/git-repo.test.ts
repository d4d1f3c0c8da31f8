import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bareRepository, git, gitRepository } from "./git-repo.ts";
import { tempTree } from "./temp-tree.ts";

const files = {
	"a.txt": "a\n",
	"a/b.txt": "b\n",
	"a-b": "",
	"a/deep/ümlaut and space.txt": new Uint8Array([0, 255, 10]),
	"run.sh": { content: "#!/bin/sh\n", mode: 0o755 },
	link: { link: "a/b.txt" },
	".gitignore": "ignored.txt\n",
	"ignored.txt": "kept\n",
	[`${"long/".repeat(40)}name`]: "long\n",
};

describe("a fixture's repository", () => {
	it("has the same first commit of all files as with git", () => {
		const { root } = gitRepository(tempTree(), files);
		expect(git(root, "status", "--porcelain", "--ignored")).toBe("");
		expect(git(root, "diff-files")).toBe("");
		expect(git(root, "fsck", "--strict")).toBe("");
		expect(git(root, "log", "--format=%an <%ae> %cn <%ce> %B")).toBe(
			"Test <test@example.com> Test <test@example.com> first",
		);
		const tree = git(root, "rev-parse", "HEAD^{tree}");
		rmSync(join(root, ".git/index"));
		git(root, "add", "--all", "--force");
		expect(git(root, "write-tree")).toBe(tree);
	});

	it("can have an empty first commit and later commits", () => {
		const repository = gitRepository(tempTree(), {});
		expect(git(repository.root, "ls-tree", "HEAD")).toBe("");
		const second = repository.commit({ "a.txt": "1\n" }, "second");
		expect(git(repository.root, "rev-parse", "HEAD")).toBe(second);
		expect(git(repository.root, "rev-list", "--count", "HEAD")).toBe("2");
		repository.branch("side");
		expect(repository.commit({ "a.txt": null })).toBe(git(repository.root, "rev-parse", "side"));
	});

	it("respects attributes", () => {
		const { root } = gitRepository(tempTree(), { ".gitattributes": "* text=auto\n", "a.txt": "a\r\n" });
		expect(git(root, "cat-file", "-s", "HEAD:a.txt")).toBe("2");
	});

	it("has every branch and tag in its remote after each push", () => {
		const repository = gitRepository(tempTree(), files);
		repository.branch("side");
		repository.tag("v1", { annotated: true });
		const bare = repository.pushTo(join(tempTree(), "bare"));
		const refs = (directory: string) => git(directory, "for-each-ref");
		expect(refs(bare)).toBe(refs(repository.root));
		repository.commit({ "b.txt": "2\n" });
		repository.pushTo(bare);
		expect(refs(bare)).toBe(refs(repository.root));
		expect(git(bare, "fsck", "--strict")).toBe("");
		expect(git(bare, "config", "uploadpack.allowAnySHA1InWant")).toBe("true");
	});

	it("has the settings of git init", () => {
		const [made, bare, real] = [gitRepository(tempTree()).root, bareRepository(tempTree()), tempTree()];
		git(real, "init", "--quiet", "--initial-branch=main");
		expect(readFileSync(join(made, ".git/config"), "utf8")).toBe(readFileSync(join(real, ".git/config"), "utf8"));
		expect(git(bare, "rev-parse", "--is-bare-repository")).toBe("true");
		expect(readdirSync(join(made, ".git")).sort()).toEqual(["HEAD", "config", "hooks", "info", "objects", "refs"]);
	});
});
