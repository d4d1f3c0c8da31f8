import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { bareRepository, git, gitRepository, gitTestEnvironment, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { prepareWorkspaceBase } from "./prepare-base.ts";
import { aTest, workspaceFixture } from "./testing/workspace-fixture.ts";

const content = "large\0content\n".repeat(1000);
const oid = createHash("sha256").update(content).digest("hex");
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`;

/**
 * Creates a repository with two pointers, one of them executable, and a text that only looks like
 * one.
 */
function repository(path = join(tempTree(), "app")) {
	const app = gitRepository(path);
	app.commit({ ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "a.bin": pointer, "b.txt": pointer });
	app.commit({ "tools/run.bin": { content: pointer, mode: 0o755 }, "docs/x": "x\n" });
	return app;
}

/** Stores the content like a local repository. */
function store(place: string) {
	const directory = join(place, "lfs/objects", oid.slice(0, 2), oid.slice(2, 4));
	mkdirSync(directory, { recursive: true });
	writeFileSync(join(directory, oid), content);
}

const evalOf = (repo: string, more = "") =>
	`workspace: { isolation: per_test, repos: [{ path: ./app, repo: ${JSON.stringify(repo)}${more} }] }`;

/** Returns a PATH with git and what git needs, but without git-lfs. */
function withoutLfs(): { PATH: string } {
	const bin = tempTree();
	for (const name of ["git", "sh", "uname"]) {
		const found = (process.env["PATH"] ?? "")
			.split(delimiter)
			.map((one) => join(one, name))
			.find(existsSync);
		if (found) symlinkSync(found, join(bin, name));
	}
	return { PATH: bin };
}

async function expectFiles(text: string, more: Parameters<typeof workspaceFixture>[2] = {}) {
	const { spec, services } = workspaceFixture(text, {}, more);
	const base = await prepareWorkspaceBase(spec, services);
	const workspace = await base.open(aTest("t"));
	await workspace.before();
	const app = join(workspace.path, "app");
	expect(readFileSync(join(app, "a.bin"), "utf8")).toBe(content);
	expect(readFileSync(join(app, "tools/run.bin"), "utf8")).toBe(content);
	expect(statSync(join(app, "tools/run.bin")).mode & 0o777).toBe(0o755);
	expect(readFileSync(join(app, "b.txt"), "utf8")).toBe(pointer);
	expect(git(app, "status", "--porcelain")).toBe("");
	expect(git(app, "remote")).toBe("");
	const settings = git(app, "config", "--local", "--list", "--name-only").split("\n");
	expect(settings.filter((name) => !name.startsWith("core."))).toEqual([]);
	expect(readdirSync(join(app, ".git"))).not.toContain("lfs");
	expect(await workspace.fileChanges()).toBeUndefined();
	writeFileSync(join(app, "a.bin"), "changed");
	expect((await workspace.fileChanges())?.shown).toContain("# changed binary file app/a.bin:");
	await workspace.close({ keep: false });
	expect(await base.close()).toEqual([]);
	return services;
}

describe("files in Git LFS", () => {
	test("are read from a local repository that has them, then from the cache, without git-lfs", async () => {
		const app = repository();
		store(join(app.root, ".git"));
		const processEnv = { ...gitTestEnvironment, ...withoutLfs() };
		const sha = git(app.root, "rev-parse", "HEAD");
		const { agentvHome } = await expectFiles(evalOf(app.root, `, commit: ${sha}`), { processEnv });
		rmSync(join(app.root, ".git/lfs"), { recursive: true });
		await expectFiles(evalOf(app.root, `, commit: ${sha}`), { processEnv, agentvHome });
	});

	test("are refused by name without git-lfs", async () => {
		const app = repository();
		const { spec, services } = workspaceFixture(
			evalOf(app.root),
			{},
			{ processEnv: { ...gitTestEnvironment, ...withoutLfs() } },
		);
		await expect(prepareWorkspaceBase(spec, services)).rejects.toMatchObject({
			...{ code: "not-runnable", stage: "repositories", reason: "lfs" },
			message: expect.stringMatching(
				/keeps 2 files in Git LFS that can't be fetched \(a\.bin, tools\/run\.bin\): git-lfs is not installed/,
			),
			hint: expect.stringContaining("Install git-lfs"),
		});
	});

	test("are refused in a bundle, which does not contain them", async () => {
		const app = repository();
		const bundle = join(tempTree(), "app.bundle");
		app.git("bundle", "create", "--quiet", bundle, "main");
		const { spec, services } = workspaceFixture(evalOf(bundle, ", commit: main"));
		await expect(prepareWorkspaceBase(spec, services)).rejects.toMatchObject({
			message: expect.stringContaining("a bundle does not contain them"),
		});
	});

	test("that are not in the sparse checkout are not needed", async () => {
		const app = repository();
		const { spec, services } = workspaceFixture(evalOf(app.root, ', sparse: ["/docs/*", "/.gitattributes"]'));
		const base = await prepareWorkspaceBase(spec, services);
		await base.close();
	});

	test("without content on the server are refused by name", async () => {
		const app = repository();
		const { spec, services } = workspaceFixture(evalOf(app.root));
		await expect(prepareWorkspaceBase(spec, services)).rejects.toMatchObject({
			...{ stage: "repositories", reason: "lfs", message: expect.stringContaining("(a.bin, tools/run.bin)") },
		});
	});

	test("are fetched by git-lfs", async ({ skip }) => {
		try {
			execFileSync("git", ["lfs", "version"], { stdio: "ignore" });
		} catch {
			return skip("needs git-lfs");
		}
		const work = gitRepository(join(tempTree(), "work"));
		git(work.root, "lfs", "install", "--local");
		git(work.root, "lfs", "track", "*.bin");
		work.commit({ "a.bin": content, "b.txt": pointer, "tools/run.bin": { content, mode: 0o755 } });
		const bare = bareRepository(join(tempTree(), "app.git"));
		git(work.root, "remote", "add", "origin", `file://${bare}`);
		git(work.root, "push", "--quiet", "--no-verify", "origin", "main");
		git(work.root, "lfs", "push", "--all", "origin");
		expect(readFileSync(join(work.root, "a.bin"), "utf8")).toBe(content);
		// Only git-lfs can read this storage.
		await expectFiles(evalOf(`file://${bare}`));
	});
});
