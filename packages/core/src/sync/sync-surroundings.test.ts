import { chmodSync, existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitHttpServer } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { besideName, uniqueTag } from "../machine/directories.ts";
import { asDead } from "../machine/testing/dead-owner.ts";
import { type BenchmarkHome, benchmarkHome } from "./testing/benchmark-home.ts";

/** Returns an environment with this text as the user's git configuration. */
function configured(home: BenchmarkHome, text: string) {
	const file = join(home.root, "gitconfig");
	writeFileSync(file, text);
	return { ...home.env, GIT_CONFIG_GLOBAL: file };
}

describe("the user's own git configuration", () => {
	test("may rename remotes and refuse shallow clones", async () => {
		const home = benchmarkHome();
		const env = configured(home, "[clone]\n\tdefaultRemoteName = upstream\n\trejectShallow = true\n");
		home.register({});
		expect(await home.sync({ env })).toMatchObject({ outcome: "synced" });
		expect(home.git("remote")).toBe("origin");
		home.publish({ "a.txt": "2\n" });
		expect(await home.sync({ env })).toMatchObject({ outcome: "synced" });
		expect(home.git("config", "--get-all", "remote.origin.fetch")).toBe("+refs/heads/main:refs/remotes/origin/main");
	});

	test("changes neither the reported status nor the sync", async () => {
		const home = benchmarkHome();
		home.register({});
		await home.sync();
		const ran = join(home.root, "ran");
		const env = configured(
			home,
			`[core]
	hooksPath = ${home.root}/hooks
	fsmonitor = touch ${ran}
	pager = touch ${ran}
[pull]
	rebase = true
[rebase]
	autoStash = true
[merge]
	autoStash = true
	ff = false
	verifySignatures = true
[status]
	showUntrackedFiles = no
	short = true
	branch = true
[diff]
	external = touch ${ran}
	noprefix = true
[log]
	showSignature = true
[gpg]
	program = touch ${ran}
[submodule]
	recurse = true
[fetch]
	prune = true
	output = compact
[color]
	ui = always
[i18n]
	logOutputEncoding = ISO-8859-1
`,
		);
		for (const hook of ["post-merge", "post-checkout", "reference-transaction", "post-index-change"]) {
			mkdirSync(join(home.root, "hooks"), { recursive: true });
			writeFileSync(join(home.root, "hooks", hook), `#!/bin/sh\ntouch ${ran}\n`);
			chmodSync(join(home.root, "hooks", hook), 0o755);
		}
		home.publish({ "a.txt": "2\n" }, "für alle");
		writeFileSync(join(home.clone, "mine.txt"), "mine\n");
		expect(await home.status({ env })).toMatchObject({
			revision: { state: "behind" },
			workTree: { files: ["mine.txt"] },
		});
		expect(await home.plan({ env })).toMatchObject({ action: "update", changes: { changed: ["a.txt"] } });
		expect(await home.sync({ env })).toMatchObject({ outcome: "synced", edits: ["mine.txt"] });
		expect(await home.status({ env })).toMatchObject({ revision: { state: "synced", subject: "für alle" } });
		expect(existsSync(ran)).toBe(false);
	});

	test("may provide a login, but no window is opened", async () => {
		const home = benchmarkHome();
		const login = { username: "ada", password: "pa55" };
		const server = await gitHttpServer(join(home.root, "served"), { login });
		home.register({ url: `${server.url}/repo.git` });
		const asks = join(home.root, "asks");
		writeFileSync(asks, `#!/bin/sh\ntouch ${home.root}/window\n`);
		chmodSync(asks, 0o755);
		const env = { ...home.env, SSH_ASKPASS: asks, DISPLAY: ":0" };
		expect(await home.sync({ env })).toMatchObject({
			outcome: "refused",
			message: expect.stringContaining("refused access"),
		});
		expect(existsSync(join(home.root, "window"))).toBe(false);
		const helper = "!f() { echo username=ada; echo password=pa55; }; f";
		const own = configured(home, `[credential]\n\thelper = "${helper}"\n`);
		expect(await home.sync({ env: own })).toMatchObject({ outcome: "synced" });
	});
});

describe("unusual environments", () => {
	test("a state that can't be saved does not make a sync fail", async () => {
		const home = benchmarkHome();
		const server = await gitHttpServer(join(home.root, "served"), { delayMs: 150 });
		home.register({ url: `${server.url}/repo.git` });
		mkdirSync(join(home.root, "home/.agentv/state"), { recursive: true });
		writeFileSync(join(home.root, "home/.agentv/state/benchmarks"), "in the way\n");
		expect(await home.sync()).toMatchObject({
			outcome: "synced",
			message: expect.stringMatching(/cloned main.*its state could not be saved/),
		});
		expect(home.read("a.txt")).toBe("1\n");
	});

	test("a git that is too old is an error before any change", async () => {
		const home = benchmarkHome();
		home.register({});
		mkdirSync(join(home.root, "bin"));
		writeFileSync(join(home.root, "bin/git"), "#!/bin/sh\necho git version 2.25.1\n");
		chmodSync(join(home.root, "bin/git"), 0o755);
		const env = { ...home.env, PATH: `${home.root}/bin:${home.env["PATH"]}` };
		const told = { code: "config", message: expect.stringContaining("git 2.25.1 is too old") };
		await expect(home.sync({ env })).rejects.toMatchObject(told);
		await expect(home.plan({ env })).rejects.toMatchObject(told);
		expect(existsSync(home.clone)).toBe(false);
	});
});

test("removes what a killed sync left next to a finished clone or inside of it", async () => {
	const home = benchmarkHome();
	home.register({});
	await home.sync();
	mkdirSync(asDead(join(home.root, `.agentv-clone-clone-${uniqueTag()}`)));
	writeFileSync(asDead(besideName(join(home.clone, ".git/agentv-journal.json"))), "{");
	expect(await home.sync()).toMatchObject({ outcome: "current" });
	expect(readdirSync(home.root).sort()).toEqual(["clone", "home", "served", "work"]);
	expect(readdirSync(join(home.clone, ".git")).filter((name) => name.includes("agentv"))).toEqual([]);
});

test("removes unfinished objects of a killed sync, but not older ones of other processes", async () => {
	const home = benchmarkHome();
	home.register({});
	await home.sync();
	const objects = join(home.clone, ".git/objects");
	mkdirSync(join(objects, "ab"), { recursive: true });
	const left = ["pack/tmp_pack_a1", "pack/tmp_idx_a1", "ab/tmp_obj_a1"].map((name) => join(objects, name));
	const older = join(objects, "pack/tmp_pack_older");
	for (const file of [...left, older]) writeFileSync(file, "x");
	utimesSync(older, 1000, 1000);
	const journal = { version: 1, token: "", startedAt: Date.now() - 1000, phase: "fetch" };
	writeFileSync(join(home.clone, ".git/agentv-journal.json"), JSON.stringify(journal));
	expect(await home.sync()).toMatchObject({ outcome: "current" });
	expect([...left, older].filter((file) => existsSync(file))).toEqual([older]);
});

test("syncs a benchmark inside another one's directory after that one", async () => {
	const home = benchmarkHome();
	const inner = `  - id: inner\n    path: ${home.clone}/nested/inner\n    source: { url: "${home.url}" }\n`;
	const outer = `  - id: outer\n    path: ${home.root}/outer\n    source: { url: "${home.url}" }\n`;
	const within = `  - id: within\n    path: ${home.root}/outer/within\n    source: { url: "${home.url}" }\n`;
	home.register({}, within + outer + inner);
	const events = await home.events({ ids: [] });
	expect(events.at(-1)).toMatchObject({ results: Array(4).fill({ outcome: "synced" }) });
	expect((await home.events({ ids: [] })).at(-1)).toMatchObject({ results: Array(4).fill({ outcome: "current" }) });
});
