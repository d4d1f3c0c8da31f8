import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, gitTestEnvironment, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { localGit, localGitSync } from "./git.ts";
import { foreignRepository } from "./git-repository.ts";

const env = gitTestEnvironment;
const ways = [
	["async", localGit],
	["sync", async (...args: Parameters<typeof localGit>) => localGitSync(...args)],
] as const;

describe.each(ways)("localGit (%s)", (_, run) => {
	test("returns stdout as text and as bytes", async () => {
		const { root } = gitRepository(tempTree(), { "latin.txt": Buffer.from([0x66, 0xfc, 0x0a]) });
		const answer = await run(root, ["show", "HEAD:latin.txt"], { env });
		expect(answer.stdoutBytes).toEqual(Buffer.from([0x66, 0xfc, 0x0a]));
		expect(answer).toMatchObject({ exitCode: 0, stdout: "f\ufffd\n" });
	});

	test("returns expected exit codes, even without output", async () => {
		const { root, commit } = gitRepository(tempTree(), { a: "1" });
		const first = localGitSync(root, ["rev-parse", "HEAD"], { env }).stdout.trim();
		const second = commit({ a: "2" });
		const isAncestor = ["merge-base", "--is-ancestor", second, first];
		expect((await run(root, isAncestor, { env, okExitCodes: [0, 1] })).exitCode).toBe(1);
		await expect(run(root, isAncestor, { env })).rejects.toMatchObject({
			code: "failed",
			exitCode: 1,
			reason: "other",
		});
	});

	test("fails with git's own message", async () => {
		const { root } = gitRepository(tempTree(), { a: "1" });
		await expect(run(root, ["rev-parse", "--verify", "nope"], { env })).rejects.toMatchObject({
			message: "git rev-parse failed: Needed a single revision",
			exitCode: 128,
		});
	});

	test("passes input to git", async () => {
		const { root } = gitRepository(tempTree());
		const answer = await run(root, ["hash-object", "--stdin"], { env, input: "hello\n" });
		expect(answer.stdout.trim()).toBe("ce013625030ba8dba906f756967f9e9ca394464a");
	});

	test("reports a missing git and a missing directory", async () => {
		const root = tempTree();
		await expect(run(root, ["status"], { env: { PATH: root } })).rejects.toMatchObject({
			...{ code: "config", reason: "git-missing", message: "git was not found in PATH" },
		});
		await expect(run(join(root, "none"), ["status"], { env })).rejects.toMatchObject({ code: "not-found" });
	});

	test("ignores inherited GIT_ variables", async () => {
		const { root } = gitRepository(tempTree(), { a: "1" });
		const other = gitRepository(tempTree(), { other: "1" });
		const led = { ...env, GIT_DIR: join(other.root, ".git"), GIT_WORK_TREE: other.root, GIT_INDEX_FILE: "/nowhere" };
		expect((await run(root, ["ls-files"], { env: led })).stdout).toBe("a\n");
	});

	test("does not run hooks", async () => {
		const { root } = gitRepository(tempTree(), { a: "1" });
		writeFileSync(join(root, ".git/hooks/post-checkout"), `#!/bin/sh\ntouch ${root}/ran\n`, { mode: 0o755 });
		await run(root, ["switch", "--create", "b"], { env });
		expect(existsSync(join(root, "ran"))).toBe(false);
	});

	test("does not fetch missing blobs of a partial clone", async () => {
		const base = tempTree();
		const bare = gitRepository(join(base, "work"), { a: "1" }).pushTo(join(base, "bare"));
		const clone = gitRepository(join(base, "clone"));
		clone.git("remote", "add", "origin", `file://${bare}`);
		clone.git("fetch", "--quiet", "--filter=blob:none", "origin", "main");
		await expect(run(clone.root, ["cat-file", "blob", "FETCH_HEAD:a"], { env })).rejects.toMatchObject({
			code: "failed",
		});
	});
});

test("localGit ends on abort", async () => {
	const { root } = gitRepository(tempTree());
	const controller = new AbortController();
	const waiting = localGit(root, ["rev-list", "--all"], { env, signal: controller.signal });
	const outcome = expect(waiting).rejects.toMatchObject({ code: "interrupted", reason: "aborted" });
	controller.abort();
	await outcome;
	await expect(localGit(root, ["status"], { env, signal: AbortSignal.abort() })).rejects.toMatchObject({
		reason: "aborted",
	});
});

describe("a foreign repository", () => {
	function trapped() {
		const root = tempTree();
		const repository = gitRepository(root, { "a.txt": "1\n", ".gitattributes": "*.txt filter=trap diff=trap\n" });
		const touch = (name: string) => `touch ${root}/ran-${name}; cat`;
		for (const [key, value] of [
			["filter.trap.clean", touch("clean")],
			["filter.trap.smudge", touch("smudge")],
			["filter.trap.required", "true"],
			["diff.trap.textconv", touch("textconv")],
			["diff.trap.command", touch("command")],
			["diff.external", touch("external")],
			["core.fsmonitor", touch("fsmonitor")],
			["core.worktree", "/"],
		] as const) {
			repository.git("config", key, value);
		}
		writeFileSync(join(root, ".git/included"), `[filter "deep"]\n\tclean = touch ${root}/ran-deep; cat\n`);
		writeFileSync(join(root, ".git/config"), "[include]\n\tpath = included\n", { flag: "a" });
		writeFileSync(join(root, "b.deep"), "x");
		writeFileSync(join(root, ".gitattributes"), "*.txt filter=trap diff=trap\n*.deep filter=deep\n");
		writeFileSync(join(root, "a.txt"), "2\n");
		return root;
	}

	test("would run its programs without precautions", () => {
		const root = trapped();
		localGitSync(root, ["--work-tree", root, "add", "-A"], { env });
		expect(existsSync(join(root, "ran-clean"))).toBe(true);
	});

	test("runs none of the programs in its configuration", async () => {
		const root = trapped();
		const foreign = { env, ...foreignRepository(root, env) };
		expect((await localGit(root, ["diff", "HEAD"], foreign)).stdout).toContain("-1\n+2");
		await localGit(root, ["add", "-A"], foreign);
		expect((await localGit(root, ["status", "--porcelain"], foreign)).stdout).toBe(
			"M  .gitattributes\nM  a.txt\nA  b.deep\n",
		);
		await localGit(root, ["checkout", "HEAD", "--", "a.txt"], foreign);
		await localGit(root, ["log", "-p"], foreign);
		const names = ["clean", "smudge", "textconv", "command", "external", "fsmonitor", "deep"];
		expect(names.filter((name) => existsSync(join(root, `ran-${name}`)))).toEqual([]);
	});
});

test("localGitSync ends a git process that never finishes, with an error", () => {
	const { root } = gitRepository(tempTree(), { a: "1" });
	execFileSync("mkfifo", [join(root, "pipe")]);
	const started = performance.now();
	expect(() => localGitSync(root, ["config", "--file", "pipe", "--list"], { env, longestSyncMs: 300 })).toThrow(
		/git did not finish within 0.3 s/,
	);
	expect(performance.now() - started).toBeLessThan(5_000);
});
