import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, writeTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { type BenchmarkHome, benchmarkHome } from "./testing/benchmark-home.ts";
import { behind, refused } from "./testing/refused.ts";

describe("local edits", () => {
	test("of a file that upstream changed are refused", async () => {
		const home = await behind();
		writeFileSync(join(home.clone, "a.txt"), "mine\n");
		await refused(home, /local edits would be overwritten \(a\.txt\)/);
		expect(await home.status()).toMatchObject({
			revision: { state: "behind" },
			workTree: { state: "modified", files: ["a.txt"] },
		});
	});

	test("in untracked, staged or deleted files that upstream changed are refused", async () => {
		const home = await behind();
		writeFileSync(join(home.clone, "new.txt"), "mine\n");
		await refused(home, /new\.txt/);
		home.git("clean", "-fq");
		writeFileSync(join(home.clone, "a.txt"), "staged\n");
		home.git("add", "a.txt");
		await refused(home, /a\.txt/);
	});

	test("in ignored files are also protected", async () => {
		const home = await behind();
		writeFileSync(join(home.clone, "kept.log"), "mine\n");
		await refused(home, /kept\.log/);
	});

	test("in ignored files are protected if upstream turns files into directories or back", async () => {
		const home = await behind();
		await home.sync();
		home.publish({ "here.log/deep.txt": "upstream\n", "there.log": "upstream\n" });
		writeFileSync(join(home.clone, "here.log"), "mine\n");
		await refused(home, /here\.log/);
		rmSync(join(home.clone, "here.log"));
		writeTree(home.clone, { "there.log/mine.txt": "mine\n" });
		await refused(home, /there\.log/);
		rmSync(join(home.clone, "there.log"), { recursive: true });
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		home.publish({ "here.log/deep.txt": null, "here.log": "a file now\n" });
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		expect(home.read("here.log")).toBe("a file now\n");
	});

	test("in an untracked directory are refused if upstream has a file there, and vice versa", async () => {
		const home = await behind();
		writeTree(home.clone, { "new.txt/inner": "mine\n" });
		await refused(home, /new\.txt/);
		const other = await behind();
		other.publish({ "deep/er/x.txt": "upstream\n" });
		writeFileSync(join(other.clone, "deep"), "mine\n");
		await refused(other, /deep/);
	});

	test("in other files are kept and listed in the result", async () => {
		const home = await behind();
		writeTree(home.clone, { "b.txt": "mine\n", "untracked.txt": "mine\n" });
		expect(await home.sync()).toMatchObject({
			outcome: "synced",
			edits: ["b.txt", "untracked.txt"],
			message: expect.stringContaining("b.txt, untracked.txt"),
		});
		expect([home.read("a.txt"), home.read("b.txt"), home.read("untracked.txt")]).toEqual(["2\n", "mine\n", "mine\n"]);
		expect(await home.status()).toMatchObject({ revision: { state: "synced" }, workTree: { state: "modified" } });
	});

	test("that equal the upstream change are still refused", async () => {
		const home = await behind();
		writeFileSync(join(home.clone, "a.txt"), "2\n");
		expect(await home.sync()).toMatchObject({ outcome: "refused" });
	});
});

describe("local commits", () => {
	test("ahead of the remote are refused", async () => {
		const home = benchmarkHome();
		home.register({});
		await home.sync();
		home.git("commit", "--quiet", "--allow-empty", "-m", "mine");
		await refused(home, /1 commit that the remote does not have/);
		expect(await home.status()).toMatchObject({ revision: { state: "ahead" } });
	});

	test("diverged from the remote are refused, even with --reset", async () => {
		const home = await behind();
		home.git("commit", "--quiet", "--allow-empty", "-m", "mine");
		await refused(home, /1 commit that the remote does not have, and the remote has 1 commit more/);
		await refused(home, /1 commit that the remote does not have/, { reset: true });
		expect(await home.status()).toMatchObject({ revision: { state: "diverged" } });
	});

	test("that were pushed no longer count as local", async () => {
		const home = await behind();
		home.git("pull", "--quiet", "--rebase");
		home.git("commit", "--quiet", "--allow-empty", "-m", "mine");
		home.git("push", "--quiet", "origin", "main");
		expect(await home.sync()).toMatchObject({ outcome: "current" });
	});

	test("also block a change of the ref", async () => {
		const home = await behind();
		home.upstream.branch("other");
		home.publish({ "o.txt": "o\n" });
		home.git("commit", "--quiet", "--allow-empty", "-m", "mine");
		home.register({ ref: "other" });
		await refused(home, /local commits on main/);
	});
});

describe("a rewritten upstream", () => {
	async function rewritten() {
		const home = await behind();
		await home.sync();
		home.upstream.git("reset", "--quiet", "--hard", "HEAD~1");
		const to = home.publish({ "a.txt": "rewritten\n" });
		return { home, to };
	}

	test("is refused repeatedly with an explanation; --reset adopts it", async () => {
		const { home, to } = await rewritten();
		await refused(home, /upstream was rewritten/);
		await refused(home, /upstream was rewritten/);
		expect(await home.status()).toMatchObject({ revision: { state: "rewritten", wantedSha: to } });
		expect(await home.sync({ reset: true })).toMatchObject({ outcome: "synced", to });
		expect([home.read("a.txt"), home.read("new.txt")]).toEqual(["rewritten\n", undefined]);
		expect(await home.sync()).toMatchObject({ outcome: "current" });
	});

	test("may also be one that moved back", async () => {
		const home = await behind();
		await home.sync();
		home.upstream.git("reset", "--quiet", "--hard", "HEAD~1");
		home.upstream.pushTo(home.bare);
		await refused(home, /rewritten/);
		expect(await home.sync({ reset: true })).toMatchObject({ outcome: "synced" });
		expect(home.read("a.txt")).toBe("1\n");
	});

	test("is not adopted if local work would be lost", async () => {
		const { home } = await rewritten();
		writeFileSync(join(home.clone, "b.txt"), "mine\n");
		await refused(home, /local edits would be lost \(b\.txt\)/, { reset: true });
		home.git("commit", "--quiet", "-am", "mine");
		await refused(home, /that the remote does not have/, { reset: true });
	});
});

describe("a directory with other contents", () => {
	const foreign: Readonly<Record<string, (home: BenchmarkHome) => void>> = {
		"files of the user": ({ clone }) => writeTree(clone, { "precious.txt": "mine\n" }),
		"another repository": ({ clone }) =>
			gitRepository(clone, { "precious.txt": "mine\n" }).git("remote", "add", "origin", "https://host/x.git"),
		"a repository without a remote": ({ clone }) => gitRepository(clone, { "precious.txt": "mine\n" }),
		"a file": ({ clone }) => writeFileSync(clone, "mine\n"),
		"a dangling link": ({ clone }) => symlinkSync("/nonexistent/x", clone),
		"a directory inside another repository": (home) => {
			gitRepository(home.root, {}).git("remote", "add", "origin", home.url);
			writeTree(home.clone, { "precious.txt": "mine\n" });
		},
	};
	test.each(Object.keys(foreign))("is refused and unchanged: %s", async (what) => {
		const home = benchmarkHome();
		home.register({});
		foreign[what]?.(home);
		expect(await home.status()).toMatchObject({ workTree: { state: "foreign" }, revision: { state: "unknown" } });
		expect(await home.plan()).toMatchObject({ action: "refuse" });
		expect(await home.sync()).toMatchObject({ outcome: "refused", message: expect.stringContaining("move it away") });
		const precious = join(home.clone, "precious.txt");
		if (existsSync(precious)) expect(readFileSync(precious, "utf8")).toBe("mine\n");
		expect(existsSync(join(home.clone, "a.txt"))).toBe(false);
	});

	test("is used if it is empty, or a link to an empty one", async () => {
		const home = benchmarkHome();
		home.register({});
		mkdirSync(home.clone);
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		const linked = benchmarkHome();
		linked.register({});
		mkdirSync(join(linked.root, "real"));
		symlinkSync("real", linked.clone);
		expect(await linked.sync()).toMatchObject({ outcome: "synced" });
		expect(readFileSync(join(linked.root, "real/a.txt"), "utf8")).toBe("1\n");
	});
});

describe("a benchmark without a source", () => {
	test("is refused if it is named, and skipped otherwise", async () => {
		const home = benchmarkHome();
		home.register({}, `  - id: mine\n    path: ${home.root}\n`);
		expect(await home.sync({ ids: ["mine"] })).toMatchObject({
			outcome: "refused",
			message: "local benchmark, used in place",
		});
		const events = await home.events({ ids: [] });
		expect(events.at(-1)).toMatchObject({ type: "outcome", results: [{ outcome: "synced" }, { outcome: "skipped" }] });
		expect(await home.status({ ids: ["mine"] })).toMatchObject({ revision: { state: "local" } });
	});
});
