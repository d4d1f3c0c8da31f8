import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { git, writeTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { benchmarkHome } from "./testing/benchmark-home.ts";
import { behind, refused } from "./testing/refused.ts";

describe("a sync of a clone with manual changes", () => {
	test.each(["merge", "rebase", "cherry-pick"])("refuses while a %s is in progress", async (operation) => {
		const home = await behind();
		home.git("switch", "--quiet", "-c", "side");
		writeTree(home.clone, { "a.txt": "side\n" });
		home.git("commit", "--quiet", "-am", "side");
		home.git("switch", "--quiet", "main");
		home.git("pull", "--quiet", "--ff-only");
		expect(() => home.git(...(operation === "rebase" ? ["rebase", "main", "side"] : [operation, "side"]))).toThrow();
		await refused(home, new RegExp(`a ${operation} is in progress`));
	});

	test("refuses another branch or commit that was checked out manually", async () => {
		const home = await behind();
		home.git("switch", "--quiet", "-c", "mine");
		await refused(home, /branch mine was checked out manually.*git switch main/);
		home.git("switch", "--quiet", "--detach");
		await refused(home, /checked out manually/);
	});

	test("refuses while a bisect or sequence is in progress, and says how to end it", async () => {
		const home = await behind();
		home.git("bisect", "start");
		await refused(home, /a bisect is in progress.*git bisect reset/);
		home.git("bisect", "reset");
		mkdirSync(join(home.clone, ".git/sequencer"));
		await refused(home, /a cherry-pick or revert is in progress.*git cherry-pick --abort/);
	});

	test.each(["HEAD", "refs/heads/main"])("undoes a partial update if git's lock of %s exists", async (ref) => {
		const home = await behind();
		writeFileSync(join(home.clone, `.git/${ref}.lock`), "");
		const before = home.snapshot() as { files: unknown };
		expect(await home.sync()).toMatchObject({
			outcome: "refused",
			message: expect.stringMatching(/another git process is running .*\.lock/),
		});
		expect(home.snapshot()).toMatchObject({ files: before.files });
		expect(home.git("status", "--porcelain")).toBe("");
		rmSync(join(home.clone, `.git/${ref}.lock`));
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		expect(home.git("status", "--porcelain")).toBe("");
	});

	test("refuses if another git program holds the index lock", async () => {
		const home = await behind();
		writeFileSync(join(home.clone, ".git/index.lock"), "");
		await refused(home, /index\.lock exists/);
	});

	test("ignores the clone's pull configuration and hooks", async () => {
		const home = await behind();
		for (const [key, value] of [
			["pull.rebase", "true"],
			["rebase.autoStash", "true"],
			["merge.ff", "false"],
			["merge.autoStash", "true"],
		])
			home.git("config", key ?? "", value ?? "");
		writeFileSync(join(home.clone, ".git/hooks/post-merge"), `#!/bin/sh\ntouch ${home.root}/ran\n`);
		chmodSync(join(home.clone, ".git/hooks/post-merge"), 0o755);
		writeFileSync(join(home.clone, "a.txt"), "mine\n");
		await refused(home, /would be overwritten/);
		home.git("restore", "a.txt");
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		expect(existsSync(join(home.root, "ran"))).toBe(false);
	});

	test("adopts a clone that was made manually", async () => {
		const home = benchmarkHome();
		home.register({});
		git(home.root, "clone", "--quiet", home.url, home.clone);
		home.publish({ "a.txt": "2\n" });
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		expect(home.read("a.txt")).toBe("2\n");
		expect(home.git("rev-list", "--count", "HEAD")).toBe("2");
	});
});
