import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitHttpServer, isAlive, silentServer } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { type BenchmarkHome, benchmarkHome } from "./testing/benchmark-home.ts";

const served = (home: BenchmarkHome) => join(home.root, "served");

async function follows(home: BenchmarkHome) {
	expect(await home.sync()).toMatchObject({ outcome: "synced", from: null });
	const to = home.publish({ "a.txt": "2\n", "more/c.txt": "c\n" });
	expect(await home.status()).toMatchObject({ revision: { state: "behind", wantedSha: to } });
	expect(await home.plan()).toMatchObject({ action: "update", to, changes: { added: ["more/c.txt"] } });
	expect(await home.sync()).toMatchObject({ outcome: "synced", to });
	expect(await home.sync()).toMatchObject({ outcome: "current" });
	expect([home.read("a.txt"), home.git("status", "--porcelain")]).toEqual(["2\n", ""]);
}

describe("cloning a benchmark", () => {
	test("from an absolute or a relative path is shallow", async () => {
		const home = benchmarkHome();
		home.publish({ "a.txt": "second commit\n" });
		home.register({ url: home.bare });
		await follows(home);
		expect(home.git("rev-list", "--count", "HEAD")).toBe("2");
		const relative = benchmarkHome();
		relative.register({ url: "../../served/repo.git" });
		await follows(relative);
	});

	test("from a server without filters works", async () => {
		const home = benchmarkHome();
		execFileSync("git", ["-C", home.bare, "config", "uploadpack.allowFilter", "false"]);
		home.register({});
		await follows(home);
	});
});

describe("a server that requires a login", () => {
	const login = { username: "x-access-token", password: "t0ken/with:odd@signs%41" };

	async function guarded(user = "x-access-token:${{ TOKEN }}@") {
		const home = benchmarkHome();
		const server = await gitHttpServer(served(home), { login });
		home.register({ url: `${server.url.replace("://", `://${user}`)}/repo.git` });
		const env = { ...home.env, TOKEN: login.password };
		return { home, server, env };
	}

	test("receives the token from a variable, and the token is stored nowhere", async () => {
		const { home, server, env } = await guarded();
		expect(await home.sync({ env })).toMatchObject({ outcome: "synced" });
		home.publish({ "a.txt": "2\n" });
		expect(await home.status({ env })).toMatchObject({ revision: { state: "behind" } });
		const events = await home.events({ env });
		expect(events.at(-1)).toMatchObject({ results: [{ outcome: "synced" }] });
		expect(server.requests.at(-1)?.login).toBe(`${login.username}:${login.password}`);
		expect(JSON.stringify([events, await home.status({ env })])).not.toMatch(/t0ken|x-access-token:[^$]/);
		const basic = Buffer.from(`${login.username}:${login.password}`).toString("base64");
		const places = [home.clone, join(home.root, "home")];
		for (const needle of ["t0ken", encodeURIComponent(login.password), basic])
			expect(
				execFileSync("sh", ["-c", 'grep -rlaF -- "$0" "$@" || true', needle, ...places], { encoding: "utf8" }),
			).toBe("");
		expect(home.git("config", "remote.origin.url")).toBe(`${server.url}/repo.git`);
	});

	test("receives the token through git's environment, never through its arguments", async () => {
		const { home, server, env } = await guarded();
		server.behaviour.delayMs = 300;
		const running = home.sync({ env });
		let looks = 0;
		const listing = setInterval(() => {
			const list = execFileSync("ps", ["-eo", "args="], { encoding: "utf8" });
			if (list.includes(server.url)) looks++;
			expect(list).not.toContain("t0ken");
		}, 50);
		await running;
		clearInterval(listing);
		expect(looks).toBeGreaterThan(0);
	});

	test("is the only one that receives the token: neither other hosts nor credential helpers do", async () => {
		const { home, server, env } = await guarded();
		const kept = join(home.root, "kept");
		writeFileSync(join(home.root, "gitconfig"), `[credential]\n\thelper = store --file=${kept}\n`);
		const own = { ...env, GIT_CONFIG_GLOBAL: join(home.root, "gitconfig") };
		const other = await gitHttpServer(served(home));
		server.behaviour.redirect = { from: "/repo.git", to: `${other.url.replace("127.0.0.1", "localhost")}/repo.git` };
		await home.sync({ env: own });
		expect(other.requests.length).toBeGreaterThan(0);
		expect(other.requests.filter(({ login: told }) => told !== undefined)).toEqual([]);
		other.behaviour.login = login;
		home.publish({ "a.txt": "2\n" });
		expect(await home.sync({ env: own })).toMatchObject({ outcome: "refused" });
		expect(other.requests.filter(({ login: told }) => told !== undefined)).toEqual([]);
		execFileSync("cp", ["-r", join(served(home), "repo.git"), join(served(home), "moved.git")]);
		server.behaviour.redirect = { from: "/repo.git", to: "/moved.git" };
		expect(await home.sync({ env: own })).toMatchObject({ outcome: "synced" });
		expect(existsSync(kept)).toBe(false);
	});

	test("is not contacted without the variable, and refuses a missing or wrong login", async () => {
		const { home, server } = await guarded();
		expect(await home.sync()).toMatchObject({
			outcome: "refused",
			message: expect.stringContaining("TOKEN is not set"),
		});
		expect(server.requests).toEqual([]);
		const wrong = { ...home.env, TOKEN: "wrong-token" };
		const result = await home.sync({ env: wrong });
		expect(result).toMatchObject({ outcome: "refused", message: expect.stringContaining("the remote refused access") });
		expect(JSON.stringify(result)).not.toContain("wrong-token");
		const anonymous = await guarded("");
		expect(await anonymous.home.sync()).toMatchObject({
			outcome: "refused",
			message: expect.stringContaining("refused access"),
		});
		expect(existsSync(anonymous.home.clone)).toBe(false);
	});

	test("does not matter for the local status if the variable is not set", async () => {
		const { home, env } = await guarded();
		await home.sync({ env });
		writeFileSync(join(home.clone, "mine.txt"), "mine\n");
		expect(await home.status({ offline: true })).toMatchObject({
			revision: { state: "unknown", sha: home.git("rev-parse", "HEAD"), reason: expect.stringContaining("TOKEN") },
			workTree: { state: "modified", files: ["mine.txt"] },
		});
	});

	test("accepts a whole URL with its login from a variable, or only a token as the user", async () => {
		const { home, server, env } = await guarded();
		home.register({ url: "${{ REPO_URL }}" });
		const url = server.url.replace("://", `://${login.username}:${encodeURIComponent(login.password)}@`);
		expect(await home.sync({ env: { ...env, REPO_URL: `${url}/repo.git` } })).toMatchObject({ outcome: "synced" });
		expect(readFileSync(join(home.clone, ".git/config"), "utf8")).not.toContain("t0ken");
		const alone = await guarded("${{ TOKEN }}@");
		alone.server.behaviour.login = { username: login.password, password: "" };
		expect(await alone.home.sync({ env: alone.env })).toMatchObject({ outcome: "synced" });
	});

	test("is not needed for a public repository if the token's default is empty", async () => {
		const home = benchmarkHome();
		const server = await gitHttpServer(served(home));
		home.register({ url: `${server.url.replace("://", "://x-access-token:${{ TOKEN:- }}@")}/repo.git` });
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		expect(server.requests.every(({ login: sent }) => sent === undefined)).toBe(true);
	});
});

describe("a remote that fails", () => {
	/** Syncs a clone whose remote fails, and checks that the sync is refused and changes nothing. */
	async function stays(home: BenchmarkHome, words: string, options = {}) {
		const before = home.snapshot();
		const started = Date.now();
		expect(await home.sync(options)).toMatchObject({ outcome: "refused", message: expect.stringContaining(words) });
		expect(Date.now() - started).toBeLessThan(10_000);
		expect(await home.status(options)).toMatchObject({
			revision: { state: "unknown", reason: expect.stringContaining(words) },
		});
		expect(home.snapshot()).toEqual(before);
		return home;
	}

	async function overHttp() {
		const home = benchmarkHome();
		const server = await gitHttpServer(served(home));
		home.register({ url: `${server.url}/repo.git` });
		await home.sync();
		home.publish({ "a.txt": `${"x".repeat(40_000)}${Math.random()}\n` });
		return { home, server };
	}

	test("by being offline, missing, forbidden or broken is explained, and the clone stays usable", async () => {
		const { home, server } = await overHttp();
		for (const [status, words] of [
			[404, "not found"],
			[403, "refused access"],
			[500, "unreachable"],
		] as const) {
			server.behaviour.status = status;
			await stays(home, words);
		}
		await server.close();
		await stays(home, "unreachable");
		expect(await home.status({ offline: true })).toMatchObject({ revision: { state: "synced" } });
	});

	test("because its repository was deleted is explained", async () => {
		const home = benchmarkHome();
		home.register({});
		await home.sync();
		execFileSync("rm", ["-rf", home.bare]);
		await stays(home, "not found");
	});

	test("by a stall is given up after the timeout, and all its processes end", async () => {
		const { home, server } = await overHttp();
		server.behaviour.stall = true;
		await stays(home, "did not respond in time", { timeoutMs: 500 });
		const helpers = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).split("\n");
		expect(helpers.filter((line) => line.includes(server.url) && isAlive(Number.parseInt(line, 10)))).toEqual([]);
		server.behaviour.stall = false;
		expect(await home.sync()).toMatchObject({ message: expect.stringContaining("1 commit"), outcome: "synced" });
	});

	test("by never responding to the first clone is given up after the timeout", async () => {
		const home = benchmarkHome();
		home.register({ url: `${(await silentServer("git")).url}/repo.git` });
		expect(await home.sync({ timeoutMs: 500 })).toMatchObject({
			outcome: "refused",
			message: expect.stringContaining("in time"),
		});
		expect(readdirSync(home.root).sort()).toEqual(["home", "served", "work"]);
	});

	test("by a lost connection is refused during a clone and during an update", async () => {
		const { home, server } = await overHttp();
		server.behaviour.cutAfterBytes = 300;
		const result = await home.sync();
		expect(result).toMatchObject({ outcome: "refused", message: expect.stringContaining("unreachable") });
		delete server.behaviour.cutAfterBytes;
		expect(await home.sync()).toMatchObject({ outcome: "synced" });
		const first = benchmarkHome({ "big.txt": `${"x".repeat(40_000)}${Math.random()}\n` });
		const cutting = await gitHttpServer(served(first), { cutAfterBytes: 300 });
		first.register({ url: `${cutting.url}/repo.git` });
		expect(await first.sync()).toMatchObject({ outcome: "refused" });
		expect(readdirSync(first.root).sort()).toEqual(["home", "served", "work"]);
		delete cutting.behaviour.cutAfterBytes;
		expect(await first.sync()).toMatchObject({ outcome: "synced" });
	});

	test("is never contacted by list or --offline, not even for a missing blob", async () => {
		const { home, server } = await overHttp();
		const asked = server.requests.length;
		expect(await home.status({ offline: true })).toMatchObject({ revision: { state: "synced" } });
		await home.status();
		const afterStatus = server.requests.length;
		expect(afterStatus).toBeGreaterThan(asked);
		expect(await home.status({ offline: true })).toMatchObject({ revision: { state: "behind" } });
		expect(server.requests.length).toBe(afterStatus);
	});
});
