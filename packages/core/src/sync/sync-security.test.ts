import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, tempTree, writeTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { benchmarkHome } from "./testing/benchmark-home.ts";

describe("an untrusted URL or ref", () => {
	const trap = "touch ran";
	test.each([
		[`--upload-pack=${trap}`, undefined],
		[`ext::sh -c "${trap}"`, undefined],
		["ftp://host/x", undefined],
		["ssh://-oProxyCommand=touch/x", undefined],
		["-x", undefined],
		["https://host/a\nb", undefined],
		["https://host/\0", undefined],
		["https://user:hunter2secret@host/x", undefined],
		["https://user:${{ PW:-hunter2secret }}@host/x", undefined],
		["https://host/x?key=${{ API_KEY }}", undefined],
		["https://${{ github.token }}@host/x", undefined],
		[undefined, "--upload-pack=touch ran"],
		[undefined, "-f"],
		[undefined, "main:refs/heads/x"],
		[undefined, "a\nb"],
	])("is refused before git starts: %j at %j", async (url, ref) => {
		const home = benchmarkHome();
		home.register({ ...(url === undefined ? {} : { url }), ...(ref === undefined ? {} : { ref }) });
		const env = { ...home.env, API_KEY: "k3y-k3y-k3y" };
		const answers = [await home.sync({ env }), await home.plan({ env }), await home.status({ env })];
		expect(answers).toMatchObject([{ outcome: "refused" }, { action: "refuse" }, { revision: { state: "unknown" } }]);
		expect(JSON.stringify(answers)).not.toMatch(/hunter2secret|k3y-k3y-k3y/);
		expect([existsSync("ran"), existsSync(join(home.root, "ran")), existsSync(home.clone)]).toEqual([
			false,
			false,
			false,
		]);
	});

	test("may be a path that begins with a dash", async () => {
		const home = benchmarkHome();
		gitRepository(join(home.root, "home/.agentv/-x"), { "a.txt": "dash\n" });
		home.register({ url: "./-x" });
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
	});
});

describe("the contents of a benchmark's repository", () => {
	test("run no programs: submodules are not fetched, and attributes have no effect", async () => {
		const home = benchmarkHome();
		const sub = gitRepository(join(home.root, "sub"), { "s.txt": "s\n" });
		home.upstream.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", sub.root, "inner");
		home.publish({ ".gitattributes": "*.txt filter=trap diff=trap merge=trap\n" });
		home.register({});
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		home.publish({ "a.txt": "2\n" });
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		expect(existsSync(join(home.clone, "inner/s.txt"))).toBe(false);
	});

	test("never lead to writes outside of the clone, even if links replace directories", async () => {
		const home = benchmarkHome({ "dir/x.txt": "1\n" });
		const outside = tempTree({ "x.txt": "precious\n" });
		home.register({});
		await home.sync();
		home.publish({ "dir/x.txt": null, dir: { link: outside } });
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		home.publish({ dir: null, "dir/x.txt": "overwritten?\n" });
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		expect(readFileSync(join(outside, "x.txt"), "utf8")).toBe("precious\n");
		expect(home.read("dir/x.txt")).toBe("overwritten?\n");
	});

	test("never lead to writes outside of the clone while an interrupted sync is repaired", async () => {
		const home = benchmarkHome({ "a.txt": "1\n" });
		const outside = tempTree({ "x.txt": "precious\n" });
		home.register({});
		await home.sync();
		const from = home.git("rev-parse", "HEAD");
		const to = home.publish({ "dir/x.txt": "new\n" });
		await home.status();
		symlinkSync(outside, join(home.clone, "dir"));
		const journal = { version: 1, token: "t", startedAt: Date.now(), phase: "work-tree", from, to, edits: [] };
		writeFileSync(join(home.clone, ".git/agentv-journal.json"), JSON.stringify(journal));
		await home.sync();
		expect(readFileSync(join(outside, "x.txt"), "utf8")).toBe("precious\n");
	});
});

describe("programs in a clone's own git configuration", () => {
	test("are not run", async () => {
		const home = benchmarkHome({ "a.txt": "1\n", ".gitattributes": "*.txt filter=trap\n" });
		home.register({});
		await home.sync();
		const ran = join(home.root, "ran");
		for (const key of ["filter.trap.smudge", "filter.trap.clean", "core.fsmonitor", "core.sshCommand", "core.pager"])
			home.git("config", key, `touch ${ran}; cat`);
		home.publish({ "a.txt": "2\n" });
		await home.status();
		await home.plan();
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		expect([existsSync(ran), home.read("a.txt")]).toEqual([false, "2\n"]);
	});

	test("are refused if git would run them to contact the remote", async () => {
		const home = benchmarkHome();
		home.register({});
		await home.sync();
		home.git("config", "remote.origin.uploadpack", `touch ${home.root}/ran; git-upload-pack`);
		home.publish({ "a.txt": "2\n" });
		expect(await home.status()).toMatchObject({ message: expect.stringContaining("remote.origin.uploadpack") });
		expect(await home.sync()).toMatchObject({
			outcome: "refused",
			message: expect.stringContaining("remote.origin.uploadpack"),
		});
		expect(existsSync(join(home.root, "ran"))).toBe(false);
	});

	test("are not run from an `include.path` either", async () => {
		const home = benchmarkHome();
		home.register({});
		await home.sync();
		writeTree(home.root, { "included.cfg": `[core]\n\tfsmonitor = touch ${home.root}/ran\n` });
		home.git("config", "include.path", join(home.root, "included.cfg"));
		home.publish({ "a.txt": "2\n" });
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		expect(existsSync(join(home.root, "ran"))).toBe(false);
	});
});

test("inherited GIT_ variables and a surrounding repository have no effect", async () => {
	const home = benchmarkHome();
	const other = gitRepository(join(home.root, "other"), { "o.txt": "o\n" });
	home.register({});
	const env = { ...home.env, GIT_DIR: join(other.root, ".git"), GIT_WORK_TREE: other.root, GIT_INDEX_FILE: "/nowhere" };
	expect(await home.sync({ env })).toMatchObject({ outcome: "synced" });
	home.publish({ "a.txt": "2\n" });
	expect(await home.sync({ env })).toMatchObject({ outcome: "synced" });
	expect([other.git("status", "--porcelain"), other.git("for-each-ref", "refs/agentv")]).toEqual(["", ""]);
});
