import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	appendFileSync,
	chmodSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { git } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { type PreparedBase, prepareWorkspaceBase } from "./prepare-base.ts";
import { aTest, workspaceFixture } from "./testing/workspace-fixture.ts";

const files = { "t/a.txt": "one\n", "t/b.txt": "two\n", "t/run.sh": "#!/bin/sh\n", "t/sub/c.txt": "three\n" };

async function prepared(isolation = "per_test", more: Record<string, string> = {}): Promise<PreparedBase> {
	const { spec, services } = workspaceFixture(`workspace: { template: ./t, isolation: ${isolation} }`, {
		...files,
		...more,
	});
	return prepareWorkspaceBase(spec, services);
}

/** Returns the diff after `work` was done in a fresh workspace. */
async function changesOf(work: (path: string) => void, base?: PreparedBase): Promise<string> {
	const from = base ?? (await prepared());
	const workspace = await from.open(aTest("t"));
	await workspace.before();
	work(workspace.path);
	const diff = (await workspace.fileChanges())?.shown ?? "";
	await workspace.close({ keep: false });
	if (!base) expect(await from.close()).toEqual([]);
	return diff;
}

/** Returns the lines with names or contents. */
function gist(diff: string): string[] {
	return diff.split("\n").filter((line) => /^(diff|[-+]|Binary|new|deleted|old|#)/.test(line));
}

describe("file_changes shows", () => {
	test("nothing without changes, or if only times changed", async () => {
		expect(await changesOf(() => undefined)).toBe("");
		expect(await changesOf((path) => writeFileSync(join(path, "a.txt"), "one\n"))).toBe("");
	});

	test("files that their owner may not read, and keeps their modes", async () => {
		for (const isolation of ["per_test", "shared"]) {
			const base = await prepared(isolation);
			const modes: string[] = [];
			const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
			const workspace = await base.open(aTest("t"));
			await workspace.before();
			const { path } = workspace;
			appendFileSync(join(path, "a.txt"), "closed\n");
			mkdirSync(join(path, "new/deep"), { recursive: true });
			writeFileSync(join(path, "new/deep/f"), "deep\n");
			for (const name of ["a.txt", "new/deep", "new", "sub"]) chmodSync(join(path, name), 0);
			chmodSync(path, 0o555);
			const diff = (await workspace.fileChanges())?.shown ?? "";
			expect(gist(diff)).toEqual([
				...["diff --git a/a.txt b/a.txt", "--- a/a.txt", "+++ b/a.txt", "+closed"],
				...[
					"diff --git a/new/deep/f b/new/deep/f",
					"new file mode 100644",
					"--- /dev/null",
					"+++ b/new/deep/f",
					"+deep",
				],
			]);
			for (const name of [".", "a.txt", "new", "sub"]) modes.push(mode(join(path, name)));
			expect(modes).toEqual(["555", "0", "0", "0"]);
			await workspace.close({ keep: false });
			expect(await changesOf(() => undefined, base)).toBe("");
			expect(await base.close()).toEqual([]);
		}
	});

	test("files with names that are not UTF-8, which the next test does not get", async () => {
		for (const isolation of ["per_test", "shared"]) {
			const base = await prepared(isolation);
			const odd = (path: string, name: string) =>
				Buffer.concat([Buffer.from(`${path}/sub/`), Buffer.from(name, "latin1")]);
			const diff = await changesOf((path) => {
				writeFileSync(odd(path, "a\xff.txt"), "hidden\n");
				mkdirSync(odd(path, "d\xfe"));
				writeFileSync(odd(path, "d\xfe/in.txt"), "hidden\n");
				writeFileSync(join(path, "sub/\ufffd.txt"), "a name that is text\n");
			}, base);
			expect(gist(diff)).toEqual([
				...['diff --git "a/sub/a\\377.txt" "b/sub/a\\377.txt"', "new file mode 100644", "--- /dev/null"],
				...['+++ "b/sub/a\\377.txt"', "+hidden"],
				...['diff --git "a/sub/d\\376/in.txt" "b/sub/d\\376/in.txt"', "new file mode 100644", "--- /dev/null"],
				...['+++ "b/sub/d\\376/in.txt"', "+hidden"],
				...["diff --git a/sub/\ufffd.txt b/sub/\ufffd.txt", "new file mode 100644", "--- /dev/null"],
				...["+++ b/sub/\ufffd.txt", "+a name that is text"],
			]);
			const found = await changesOf(
				(path) => writeFileSync(join(path, "ls"), readdirSync(join(path, "sub")).join()),
				base,
			);
			expect(found).toContain("+c.txt\n");
			expect(await base.close()).toEqual([]);
		}
	});

	test("changed, new, removed and executable files, links and binary files", async () => {
		const diff = await changesOf((path) => {
			appendFileSync(join(path, "a.txt"), "more\n");
			writeFileSync(join(path, "naïve name.txt"), "new\n");
			rmSync(join(path, "b.txt"));
			chmodSync(join(path, "run.sh"), 0o755);
			writeFileSync(join(path, "logo.bin"), Buffer.from([0, 1, 2, 3]));
			symlinkSync("a.txt", join(path, "link"));
		});
		expect(gist(diff)).toMatchInlineSnapshot(`
			[
			  "# new binary file logo.bin: 4 bytes, sha256 054edec1d0211f624fed0cbca9d4f9400b0e491c43742af2c5b0abebf0c990d8",
			  "diff --git a/a.txt b/a.txt",
			  "--- a/a.txt",
			  "+++ b/a.txt",
			  "+more",
			  "diff --git a/b.txt b/b.txt",
			  "deleted file mode 100644",
			  "--- a/b.txt",
			  "+++ /dev/null",
			  "-two",
			  "diff --git a/run.sh b/run.sh",
			  "old mode 100644",
			  "new mode 100755",
			  "diff --git a/naïve name.txt b/naïve name.txt",
			  "new file mode 100644",
			  "--- /dev/null",
			  "+++ b/naïve name.txt	",
			  "+new",
			  "diff --git a/link b/link",
			  "new file mode 120000",
			  "--- /dev/null",
			  "+++ b/link",
			  "+a.txt",
			]
		`);
	});

	test("a change that keeps length and modification time", async () => {
		const diff = await changesOf((path) => {
			execFileSync("sh", ["-c", "cp -p a.txt ref; printf 'eno\\n' > a.txt; touch -r ref a.txt; rm ref"], { cwd: path });
		});
		expect(gist(diff)).toContain("+eno");
	});

	test("files that the agent committed, ignored, marked as binary, filtered or hid in a nested repository", async () => {
		const diff = await changesOf((path) => {
			appendFileSync(join(path, "a.txt"), "committed\n");
			git(path, "commit", "--quiet", "--all", "--message", "mine");
			writeFileSync(join(path, ".gitignore"), "*\n");
			writeFileSync(join(path, ".gitattributes"), "* binary -diff filter=hide\n");
			git(path, "config", "filter.hide.clean", "touch ran-the-filter; true");
			git(path, "config", "core.fsmonitor", "touch ran-the-monitor");
			git(path, "config", "diff.external", "touch ran-the-diff");
			writeFileSync(join(path, ".git/info/exclude"), "*\n");
			writeFileSync(join(path, "b.txt"), "under attributes\n");
			mkdirSync(join(path, "nested"));
			git(join(path, "nested"), "init", "--quiet");
			writeFileSync(join(path, "nested/secret.txt"), "hidden\n");
			git(join(path, "nested"), "add", "--all");
			git(join(path, "nested"), "commit", "--quiet", "--message", "hidden");
		});
		expect(gist(diff)).toEqual(
			expect.arrayContaining(["+committed", "+under attributes", "+hidden", "+++ b/nested/secret.txt"]),
		);
		expect(diff).not.toContain("ran-the");
	});

	test("changes even if the agent removed or manipulated .git", async () => {
		const removed = await changesOf((path) => {
			rmSync(join(path, ".git"), { recursive: true });
			appendFileSync(join(path, "a.txt"), "more\n");
		});
		expect(gist(removed)).toEqual(["diff --git a/a.txt b/a.txt", "--- a/a.txt", "+++ b/a.txt", "+more"]);
		const trap = await changesOf((path) => {
			rmSync(join(path, ".git"), { recursive: true });
			writeFileSync(join(path, ".git"), "gitdir: /nonexistent\n");
			appendFileSync(join(path, "a.txt"), "more\n");
		});
		expect(gist(trap)).toContain("+more");
	});

	test("changes without moving HEAD or the index, and the agent's own git diff works", async () => {
		const base = await prepared();
		const workspace = await base.open(aTest("t"));
		await workspace.before();
		const head = git(workspace.path, "rev-parse", "HEAD");
		expect(git(workspace.path, "status", "--porcelain")).toBe("");
		appendFileSync(join(workspace.path, "a.txt"), "more\n");
		const index = readFileSync(join(workspace.path, ".git/index"));
		await workspace.fileChanges();
		expect(git(workspace.path, "rev-parse", "HEAD")).toBe(head);
		expect(readFileSync(join(workspace.path, ".git/index")).equals(index)).toBe(true);
		expect(git(workspace.path, "diff", "--name-only")).toBe("a.txt");
		await workspace.close({ keep: false });
		await base.close();
	});

	test("ignored files, but thousands of them only as a number", async () => {
		const base = await prepared("per_test", { "t/.gitignore": "*.log\nnode_modules/\n" });
		const few = await changesOf((path) => writeFileSync(join(path, "x.log"), "seen\n"), base);
		expect(gist(few)).toContain("+seen");
		const many = await changesOf((path) => {
			mkdirSync(join(path, "node_modules/p"), { recursive: true });
			for (let index = 0; index < 150; index++) writeFileSync(join(path, `node_modules/p/${index}.js`), "x");
			writeFileSync(join(path, "x.txt"), "seen\n");
		}, base);
		expect(gist(many)).toEqual([
			expect.stringMatching(
				/^# 150 new files that the workspace's rules ignore are not shown: node_modules\/ \(150 files, 150 bytes, sha256 [0-9a-f]{64}\)$/,
			),
			...["diff --git a/x.txt b/x.txt", "new file mode 100644", "--- /dev/null", "+++ b/x.txt", "+seen"],
		]);
		await base.close();
	});

	test("ignored files with names that are not UTF-8, among many new ones", async () => {
		const base = await prepared("per_test", { "t/.gitignore": "*.log\n" });
		const named = (path: string, name: string) => Buffer.concat([Buffer.from(`${path}/`), Buffer.from(name, "latin1")]);
		const diff = await changesOf((path) => {
			for (let index = 0; index < 150; index++) writeFileSync(named(path, `${index}\xff.log`), "x");
			writeFileSync(named(path, "\xff.txt"), "seen\n");
		}, base);
		expect(diff).toMatch(/^# 150 new files that the workspace's rules ignore are not shown: /m);
		expect(diff).toContain("+seen");
		expect(diff).toContain('+++ "b/\\377.txt"');
		await base.close();
	});

	test("huge files as a line with size and digest", async () => {
		const content = "x\n".repeat(3_000_000);
		const diff = await changesOf((path) => writeFileSync(join(path, "huge.txt"), content));
		const digest = createHash("sha256").update(content).digest("hex");
		expect(diff).toBe(`# new large file huge.txt: 6000000 bytes, sha256 ${digest}\n`);
	});

	test("every file, for any number and any names", async () => {
		const diff = await changesOf((path) => {
			writeFileSync(join(path, "zz-evil.sh"), `rm -rf /${" ".repeat(3000)}\n`);
			appendFileSync(join(path, "run.sh"), "evil\n");
			for (let index = 0; index < 9_000; index++)
				writeFileSync(join(path, `0${index}.txt`), `${index}\n`.repeat(400).slice(0, 1900));
			for (let index = 0; index < 6; index++)
				writeFileSync(join(path, `00${index}.txt`), `${index}\n`.repeat(900_000 + index));
		});
		expect(diff).toContain("+++ b/run.sh");
		expect(diff).toContain("+++ b/zz-evil.sh");
		expect(diff.indexOf("+++ b/run.sh")).toBeLessThan(diff.indexOf("+++ b/0"));
		const lines = diff.match(/^# new .*$/gm) ?? [];
		expect(lines.length + (diff.match(/^diff --git /gm)?.length ?? 0)).toBe(9_008);
		// Only the largest files are shortened.
		expect(lines.length).toBeGreaterThan(0);
		for (const line of lines) expect(line).toMatch(/^# new file 00\d\.txt: 18000\d\d bytes, sha256 [0-9a-f]{64}$/);
		expect(diff.length).toBeLessThan(25_000_000);
	});

	test("text that is not UTF-8 completely, in lines that git apply ignores", async () => {
		const diff = await changesOf((path) =>
			writeFileSync(join(path, "latin"), Buffer.from("caf\xe9 au lait\n", "latin1")),
		);
		expect(diff).toMatch(
			/^# new file latin: 13 bytes, sha256 [0-9a-f]{64}, not UTF-8\n# @@ -0,0 \+1 @@\n# \+caf\ufffd au lait\n$/,
		);
	});

	test("empty directories, and pipes without waiting for them", async () => {
		const diff = await changesOf((path) => {
			mkdirSync(join(path, "empty"));
			execFileSync("mkfifo", [join(path, "pipe")]);
			rmSync(join(path, "a.txt"));
			execFileSync("mkfifo", [join(path, "a.txt")]);
		});
		expect(gist(diff)).toEqual([
			"# new empty directory empty",
			...["pipe", "a.txt"]
				.sort()
				.map((name) => `# not in this patch, because it is a pipe, socket or device: new ${name}`),
			...["diff --git a/a.txt b/a.txt", "deleted file mode 100644", "--- a/a.txt", "+++ /dev/null", "-one"],
		]);
	});

	test("names with line breaks, quotes and spaces", async () => {
		const diff = await changesOf((path) => {
			for (const name of ["a\nb", 'q"uote', " blank ", "-dash", "tab\tname"]) writeFileSync(join(path, name), "x\n");
		});
		expect(gist(diff).filter((line) => line.startsWith("+++"))).toHaveLength(5);
	});
});
