import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitDaemon, gitHttpServer, gitRepository, writeTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { type BenchmarkHome, benchmarkHome } from "./testing/benchmark-home.ts";

/** A transport to a home's repositories. */
interface Way {
	readonly url: (repository: string) => string;
	readonly env?: Readonly<Record<string, string>>;
	/** Makes the remote unavailable. */
	readonly close: () => Promise<void> | void;
}

const served = (home: BenchmarkHome) => join(home.root, "served");
const away = (home: BenchmarkHome) => () => renameSync(served(home), join(home.root, "away"));

const ways: Readonly<Record<string, (home: BenchmarkHome) => Promise<Way> | Way>> = {
	"file://": (home) => ({ url: (name) => `file://${served(home)}/${name}`, close: away(home) }),
	"a plain path": (home) => ({ url: (name) => `${served(home)}/${name}`, close: away(home) }),
	"git daemon": async (home) => {
		const daemon = await gitDaemon(served(home));
		return { url: (name) => `${daemon.url}/${name}`, close: daemon.close };
	},
	HTTP: async (home) => {
		const server = await gitHttpServer(served(home));
		return { url: (name) => `${server.url}/${name}`, close: server.close };
	},
	"HTTP with a login": async (home) => {
		const login = { username: "x-access-token", password: "t0ken-t0ken" };
		const server = await gitHttpServer(served(home), { login });
		const base = server.url.replace("://", "://x-access-token:${{ TOKEN }}@");
		return { url: (name) => `${base}/${name}`, env: { TOKEN: login.password }, close: server.close };
	},
};

/** Creates a home whose benchmark uses this transport, with helpers for its tests. */
async function reached(by: string) {
	const home = benchmarkHome({ "a.txt": "1\n", "b.txt": "1\n" });
	const way = await ways[by]?.(home);
	if (!way) throw new Error(by);
	const env = { ...home.env, ...way.env };
	const register = (source: { ref?: string; repository?: string } = {}) =>
		home.register({ url: way.url(source.repository ?? "repo.git"), ref: source.ref ?? "main" });
	const synced = async (row: string, to: string, options = {}) => {
		expect(await home.sync({ env, ...options }), row).toMatchObject({ outcome: "synced", to });
		expect(home.git("rev-parse", "HEAD"), row).toBe(to);
	};
	const refused = async (row: string, words: RegExp, options = {}) => {
		const before = home.snapshot() as { files: unknown; head: unknown };
		const message = expect.stringMatching(words);
		expect(await home.sync({ env, ...options }), row).toMatchObject({ outcome: "refused", message });
		expect(home.snapshot(), row).toMatchObject({ files: before.files, head: before.head });
	};
	const tip = () => home.upstream.git("rev-parse", "main");
	return { home, way, env, register, synced, refused, tip };
}

describe.each(Object.keys(ways))("syncing over %s", (by) => {
	test("clones into a missing or empty directory, updates, and is then current", async () => {
		const { home, env, register, synced, tip } = await reached(by);
		register();
		await synced("nothing there", tip());
		await synced("behind", home.publish({ "a.txt": "2\n", "c.txt": "new\n" }));
		rmSync(home.clone, { recursive: true });
		mkdirSync(home.clone);
		await synced("an empty directory", tip());
		expect(await home.sync({ env })).toMatchObject({ outcome: "current", from: tip(), to: tip() });
		expect([home.read("a.txt"), home.git("status", "--porcelain")]).toEqual(["2\n", ""]);
	});

	test("follows another ref and another URL", async () => {
		const { home, register, synced, refused, tip } = await reached(by);
		const first = home.upstream.git("rev-parse", "HEAD");
		home.upstream.tag("v1", { annotated: true });
		home.upstream.branch("other");
		const other = home.upstream.commit({ "a.txt": "other\n" });
		home.upstream.branch("main");
		home.publish({ "a.txt": "2\n" });
		for (const [ref, to] of [
			["main", tip()],
			["other", other],
			["v1", first],
			["main", tip()],
			[first, first],
			["main", tip()],
		] as const) {
			register({ ref });
			await synced(ref, to);
		}
		home.upstream.pushTo(join(served(home), "mirror.git"));
		register({ repository: "mirror.git" });
		await synced("the URL of a mirror", tip());
		gitRepository(join(home.root, "strange"), { "x.txt": "x\n" }).pushTo(join(served(home), "strange.git"));
		register({ repository: "strange.git" });
		await refused("the URL of an unrelated repository", /without common history/);
	});

	test("refuses to overwrite local work", async () => {
		const { home, env, register, synced, refused } = await reached(by);
		register();
		await home.sync({ env });
		const second = home.publish({ "a.txt": "2\n" });
		writeFileSync(join(home.clone, "a.txt"), "mine\n");
		await refused("edits in the way", /local edits would be overwritten \(a\.txt\)/);
		home.git("restore", "a.txt");
		writeFileSync(join(home.clone, "b.txt"), "mine\n");
		expect(await home.sync({ env })).toMatchObject({ outcome: "synced", to: second, edits: ["b.txt"] });
		home.git("restore", "b.txt");
		home.git("commit", "--quiet", "--allow-empty", "-m", "mine");
		await refused("local commits", /1 commit that the remote does not have/);
		home.publish({ "a.txt": "3\n" });
		await refused("diverged", /1 commit that the remote does not have, and the remote has 1 commit more/);
		home.git("reset", "--quiet", "--hard", second);
		home.git("switch", "--quiet", "-c", "mine");
		await refused("another branch by hand", /branch mine was checked out manually/);
		home.git("commit", "--quiet", "--allow-empty", "-m", "mine");
		home.git("switch", "--quiet", "main");
		home.git("merge", "--quiet", "--no-ff", "--no-commit", "mine");
		await refused("a merge in progress", /a merge is in progress/);
		home.git("merge", "--abort");
		home.upstream.git("reset", "--quiet", "--hard", "HEAD~1");
		await synced("after that, with upstream on a new third commit", home.publish({ "a.txt": "third\n" }));
	});

	test("refuses a rewritten upstream unless --reset adopts it", async () => {
		const { home, env, register, synced, refused } = await reached(by);
		home.publish({ "a.txt": "2\n" });
		register();
		await home.sync({ env });
		home.upstream.git("reset", "--quiet", "--hard", "HEAD~1");
		const rewritten = home.publish({ "a.txt": "rewritten\n" });
		await refused("rewritten", /upstream was rewritten/);
		writeFileSync(join(home.clone, "b.txt"), "mine\n");
		await refused("rewritten, with local work", /local edits would be lost/, { reset: true });
		home.git("restore", "b.txt");
		await synced("rewritten, adopted", rewritten, { reset: true });
	});

	test("refuses other contents at the path and a missing remote", async () => {
		const { home, way, env, register, refused } = await reached(by);
		register();
		writeTree(home.clone, { "precious.txt": "mine\n" });
		await refused("files of the user", /not empty and not a git repository/);
		gitRepository(home.clone).git("remote", "add", "origin", "https://host/other.git");
		await refused("another repository", /contains another repository/);
		rmSync(home.clone, { recursive: true });
		await home.sync({ env });
		register({ repository: "none.git" });
		await refused("no such repository", /was not found|refused access|unreachable/);
		register();
		await way.close();
		await refused("offline", /was not found|unreachable/);
		expect(await home.status({ env, offline: true })).toMatchObject({ revision: { state: "synced" } });
	});
});

test("refuses a wrong or missing HTTP login and stores the token nowhere", async () => {
	const { home, register } = await reached("HTTP with a login");
	register();
	const wrong = await home.sync({ env: { ...home.env, TOKEN: "wrong-wrong" } });
	expect(wrong).toMatchObject({ outcome: "refused", message: expect.stringContaining("refused access") });
	expect(JSON.stringify(wrong)).not.toContain("wrong-wrong");
	expect(await home.sync()).toMatchObject({ outcome: "refused", message: expect.stringContaining("TOKEN is not set") });
	const found = execFileSync("find", [home.root, "-name", "*clone*"], { encoding: "utf8" });
	expect(found).toBe("");
});
