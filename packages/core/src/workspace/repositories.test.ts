import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bareRepository, git, gitRepository, type TestRepository, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import type { TestWorkspace } from "./attempt-workspace.ts";
import { prepareWorkspaceBase } from "./prepare-base.ts";
import { aTest, workspaceFixture } from "./testing/workspace-fixture.ts";

/**
 * Creates a repository with a past commit, the pinned one, a later fix on the branch, a tag and
 * another branch.
 */
function history(): { repository: TestRepository; past: string; pinned: string; later: string } {
	const repository = gitRepository(join(tempTree(), "app"));
	const past = repository.commit({ "src/app.js": "v1\n", "docs/x.md": "x\n" }, "first");
	const pinned = repository.commit({ "src/app.js": "v2 with a bug\n" }, "the bug");
	repository.tag("v2", { annotated: true });
	const later = repository.commit({ "src/app.js": "v3 SECRET-FIX\n", "fix.md": "SECRET-FIX\n" }, "the fix");
	repository.tag("v3");
	repository.branch("feature");
	repository.commit({ feature: "1" });
	repository.branch("main");
	return { repository, past, pinned, later };
}

const eval_ = (repo: string, fields: string, isolation = "shared") =>
	`workspace: { isolation: ${isolation}, repos: [{ path: ./app, repo: ${JSON.stringify(repo)}, ${fields} }] }`;

/** Prepares and opens a workspace, and passes it to `look`. */
async function opened<T>(text: string, look: (workspace: TestWorkspace, sha: string) => T | Promise<T>, more = {}) {
	const { spec, services } = workspaceFixture(text, {}, more);
	const base = await prepareWorkspaceBase(spec, services);
	const workspace = await base.open(aTest("t"));
	await workspace.before();
	try {
		return await look(workspace, base.repositories[0]?.sha ?? "");
	} finally {
		await workspace.close({ keep: false });
		expect(await base.close()).toEqual([]);
	}
}

describe("a repository pinned to a historical commit", () => {
	test.each(["shared", "per_test"])("contains its history and no later commits (%s)", async (isolation) => {
		const { repository, pinned, past, later } = history();
		await opened(eval_(repository.root, `commit: ${pinned}`, isolation), (workspace, sha) => {
			const app = join(workspace.path, "app");
			expect(sha).toBe(pinned);
			expect(readFileSync(join(app, "src/app.js"), "utf8")).toBe("v2 with a bug\n");
			expect(git(app, "status", "--porcelain")).toBe("");
			expect(git(app, "log", "--all", "--format=%H").split("\n")).toEqual([pinned, past]);
			const objects = git(app, "cat-file", "--batch-all-objects", "--batch-check");
			expect(objects).toContain(pinned);
			expect(objects).not.toContain(later);
			expect(git(app, "for-each-ref", "--format=%(refname)")).toBe("refs/heads/main");
			expect(git(app, "remote")).toBe("");
			const settings = git(app, "config", "--local", "--list", "--name-only").split("\n");
			expect(settings.filter((name) => !name.startsWith("core."))).toEqual([]);
			expect(existsSync(join(app, ".git/FETCH_HEAD")) || existsSync(join(app, ".git/ORIG_HEAD"))).toBe(false);
			expect(existsSync(join(app, ".git/hooks")) || existsSync(join(app, ".git/logs"))).toBe(false);
			expect(git(app, "log", "--all", "-p")).not.toContain("SECRET-FIX");
		});
	});

	test("borrows no objects of later commits if it is large", async () => {
		const { repository, later } = history();
		for (let index = 0; index < 3; index++) {
			const noise = Buffer.from(Array.from({ length: 1_200_000 }, () => Math.floor(Math.random() * 256)));
			repository.commit({ [`big-${index}`]: noise });
		}
		const pinned = git(repository.root, "rev-parse", "HEAD~1");
		const last = git(repository.root, "rev-parse", "HEAD");
		await opened(eval_(repository.root, `commit: ${pinned}`, "per_test"), ({ path }) => {
			const app = join(path, "app");
			expect(existsSync(join(app, ".git/objects/info/alternates"))).toBe(true);
			const objects = git(app, "cat-file", "--batch-all-objects", "--batch-check");
			expect(objects).toContain(later);
			expect(objects).not.toContain(last);
			expect(git(app, "status", "--porcelain")).toBe("");
			git(app, "fsck");
		});
	});
});

describe("the path of a repository", () => {
	test.each(["../x", "/abs", "a/../../b", ".git", "a/.GIT/hooks"])("is refused: %s", (path) => {
		const { repository } = history();
		const text = eval_(repository.root, "").replace("path: ./app", `path: ${path}`);
		expect(text).toContain(path);
		expect(() => workspaceFixture(text)).toThrow(/is outside the workspace|git's own directory/);
	});
});

describe("the commit of a repository", () => {
	test("may be a branch, tag, short SHA or ancestor, and is HEAD by default", async () => {
		const { repository, past, pinned, later } = history();
		const feature = git(repository.root, "rev-parse", "feature");
		const cases = [
			["commit: feature", feature],
			["commit: v2", pinned],
			[`commit: ${pinned.slice(0, 8)}`, pinned],
			[`commit: ${pinned}, ancestor: 1`, past],
			["ancestor: 2", past],
			["", later],
		] as const;
		for (const [fields, sha] of cases) {
			await opened(eval_(repository.root, fields), (_, got) => expect(got, fields).toBe(sha));
		}
		await opened(eval_(repository.root, "commit: feature"), ({ path }) =>
			expect(git(join(path, "app"), "branch", "--show-current")).toBe("feature"),
		);
	});

	test("may be checked out partially", async () => {
		const { repository, pinned } = history();
		await opened(eval_(repository.root, `commit: ${pinned}, sparse: [src]`), ({ path }) => {
			expect(readdirSync(join(path, "app")).sort()).toEqual([".git", "src"]);
			expect(git(join(path, "app"), "status", "--porcelain")).toBe("");
		});
	});

	test("may come from a bundle file, even one that contains only HEAD", async () => {
		const { repository, pinned, later } = history();
		const file = join(tempTree(), "app.bundle");
		repository.git("bundle", "create", "--quiet", file, "main");
		await opened(eval_(file, `commit: ${pinned}`), (_, sha) => expect(sha).toBe(pinned));
		await opened(eval_(file, "commit: main"), (_, sha) => expect(sha).toBe(later));
		const bare = join(tempTree(), "head.bundle");
		repository.git("bundle", "create", "--quiet", bare, "HEAD");
		await opened(eval_(bare, ""), (_, sha) => expect(sha).toBe(later));
		await opened(eval_(bare, `commit: ${pinned}`), (_, sha) => expect(sha).toBe(pinned));
	});

	test("may be one that no branch reaches any more", async () => {
		const { repository } = history();
		const lost = repository.commit({ lost: "1" });
		repository.git("reset", "--quiet", "--hard", "HEAD~1");
		await opened(eval_(repository.root, `commit: ${lost}`), (_, sha) => expect(sha).toBe(lost));
	});

	test("is recorded as requested and as resolved", async () => {
		const { repository, pinned } = history();
		const { spec, services } = workspaceFixture(eval_(repository.root, "commit: v2"));
		const base = await prepareWorkspaceBase(spec, services);
		expect(base.repositories).toEqual([{ path: "app", repo: repository.root, requested: "v2", sha: pinned }]);
		await base.close();
	});
});

describe("the cache", () => {
	test("provides a pinned commit without contacting the remote", async () => {
		const { repository, pinned } = history();
		const bare = repository.pushTo(bareRepository(join(tempTree(), "app.git")));
		const agentvHome = join(tempTree(), "home");
		await opened(eval_(bare, `commit: ${pinned}`), () => undefined, { agentvHome });
		git(bare, "update-ref", "-d", "refs/heads/main");
		git(bare, "config", "core.repositoryformatversion", "99");
		await opened(eval_(bare, `commit: ${pinned}`), (_, sha) => expect(sha).toBe(pinned), { agentvHome });
		await expect(opened(eval_(bare, "commit: feature"), () => undefined, { agentvHome })).rejects.toMatchObject({
			...{ stage: "repositories", reason: "git" },
		});
	});

	test("is shared by concurrent runs and follows a moved branch", async () => {
		const { repository, later } = history();
		const agentvHome = join(tempTree(), "home");
		const shas = await Promise.all(
			Array.from({ length: 4 }, () => opened(eval_(repository.root, "commit: main"), (_, sha) => sha, { agentvHome })),
		);
		expect(shas).toEqual([later, later, later, later]);
		const moved = repository.commit({ more: "1" });
		await opened(eval_(repository.root, "commit: main"), (_, sha) => expect(sha).toBe(moved), { agentvHome });
	});

	test("is rebuilt if a run was killed while creating it", async () => {
		const { repository, later } = history();
		const agentvHome = tempTree();
		await opened(eval_(repository.root, ""), () => undefined, { agentvHome });
		const cache = join(agentvHome, "cache/git");
		const mirror = join(cache, readdirSync(cache).find((name) => name.endsWith(".git")) ?? "");
		rmSync(join(mirror, "agentv-complete"), { recursive: true });
		rmSync(join(mirror, "HEAD"));
		await opened(eval_(repository.root, ""), (_, sha) => expect(sha).toBe(later), { agentvHome });
	});
});

describe("a repository is refused with a reason for", () => {
	test.each([
		["a missing directory", "path: a, repo: ./nowhere", "does not exist"],
		["a missing ref", "path: a, repo: REPO, commit: nope", 'has no branch, tag or commit "nope"'],
		["a missing commit", `path: a, repo: REPO, commit: ${"a".repeat(40)}`, "has no branch, tag or commit"],
		["too few ancestors", "path: a, repo: REPO, ancestor: 99", "HEAD has no ancestor number 99"],
		["an option as ref", 'path: a, repo: REPO, commit: "--upload-pack=touch x"', 'begins with "-"'],
		["another transport", 'path: a, repo: "ext::touch x"', "names another transport"],
	])("%s", async (_, fields, message) => {
		const { repository } = history();
		const text = `workspace: { repos: [{ ${fields.replace("REPO", repository.root)} }] }`;
		const { spec, services } = workspaceFixture(text);
		await expect(prepareWorkspaceBase(spec, services)).rejects.toMatchObject({
			...{ code: "not-runnable", stage: "repositories", message: expect.stringContaining(message) },
		});
		expect(readdirSync(services.directory)).toEqual([]);
	});

	test("a link out of the workspace in another repository", async () => {
		const { repository } = history();
		const outside = tempTree();
		symlinkSync(outside, join(repository.root, "way-out"));
		repository.commit({});
		const repos = `{ path: a, repo: ${repository.root} }, { path: a/way-out/b, repo: ${repository.root} }`;
		const { spec, services } = workspaceFixture(`workspace: { repos: [${repos}] }`);
		await expect(prepareWorkspaceBase(spec, services)).rejects.toMatchObject({ stage: "repositories" });
		expect(readdirSync(outside)).toEqual([]);
	});
});

test("nested repositories show the agent's changes in each of them", async () => {
	const { repository, pinned } = history();
	const repos = ["app", "app/vendor/lib"].map(
		(path) => `{ path: ${path}, repo: ${repository.root}, commit: ${pinned} }`,
	);
	await opened(`workspace: { isolation: per_test, repos: [${repos.join(", ")}] }`, async (workspace) => {
		expect(git(workspace.path, "status", "--porcelain")).toBe("");
		for (const path of ["app", "app/vendor/lib"]) {
			writeFileSync(join(workspace.path, path, "src/app.js"), "fixed\n");
			git(join(workspace.path, path), "commit", "--quiet", "--all", "--message", "fixed");
		}
		expect((await workspace.fileChanges())?.shown.match(/^diff .*$/gm)).toEqual([
			"diff --git a/app/src/app.js b/app/src/app.js",
			"diff --git a/app/vendor/lib/src/app.js b/app/vendor/lib/src/app.js",
		]);
	});
});

test("a repository as the whole workspace keeps its commit", async () => {
	const { repository, pinned } = history();
	await opened(`workspace: { repos: [{ path: ., repo: ${repository.root}, commit: ${pinned} }] }`, ({ path }) => {
		expect(git(path, "rev-parse", "HEAD")).toBe(pinned);
		expect(git(path, "status", "--porcelain")).toBe("");
	});
});
