import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
	gitDaemon,
	gitHttpServer,
	gitRepository,
	gitTestEnvironment,
	isAlive,
	silentServer,
	tempTree,
} from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { type GitProgress, listRemoteRefs, remoteGit } from "./git.ts";

const env = gitTestEnvironment;

function served(files: Record<string, string> = { a: "1" }) {
	const base = tempTree();
	const repository = gitRepository(join(base, "work"), files);
	repository.tag("v1", { annotated: true });
	repository.pushTo(join(base, "served/repo.git"));
	return { base, directory: join(base, "served"), repository };
}

function clone(url: string, goal: string) {
	return ["clone", "--progress", "--depth", "1", "--filter=blob:none", "--no-local", "--", url, goal];
}

describe("reaching a remote", () => {
	test("works by HTTP, the git protocol and path, and reports progress", async () => {
		const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`file-${index}`, `${index}`]));
		const { base, directory } = served(many);
		const http = await gitHttpServer(directory);
		const daemon = await gitDaemon(directory);
		const urls = [`${http.url}/repo.git`, `${daemon.url}/repo.git`, join(directory, "repo.git")];
		for (const [index, url] of urls.entries()) {
			const seen: GitProgress[] = [];
			await remoteGit(base, clone(url, `goal-${index}`), { env, onProgress: (progress) => seen.push(progress) });
			expect(readFileSync(join(base, `goal-${index}`, "file-7"), "utf8")).toBe("7");
			expect(seen.map((one) => one.phase)).toContain("Receiving objects");
			expect(seen.at(-1)).toMatchObject({ percent: 100 });
		}
	});

	test("lists refs by their full names", async () => {
		const { base, directory, repository } = served();
		const url = join(directory, "repo.git");
		const head = repository.git("rev-parse", "HEAD");
		expect(await listRemoteRefs(base, url, ["refs/heads/main"], { env })).toEqual([
			{ sha: head, ref: "refs/heads/main" },
		]);
		expect((await listRemoteRefs(base, url, ["refs/tags/v1", "refs/tags/v1^{}"], { env })).at(-1)?.sha).toBe(head);
		expect(await listRemoteRefs(base, url, ["refs/heads/none"], { env })).toEqual([]);
	});

	test("sends credentials to the server and stores them nowhere", async () => {
		const { base, directory } = served();
		const login = { username: "x-access-token", password: "s3cr3t/with:odd@signs" };
		const server = await gitHttpServer(directory, { login });
		const url = `${server.url}/repo.git`;
		await remoteGit(base, clone(url, "goal"), { env, credentials: { url, ...login } });
		expect(server.requests.at(-1)?.login).toBe(`${login.username}:${login.password}`);
		const traces = spawnSync("grep", ["-rlaE", "s3cr3t|extraheader|Basic", join(base, "goal")], { encoding: "utf8" });
		expect(traces).toMatchObject({ status: 1, stdout: "" });
	});
});

describe("failing to reach a remote", () => {
	test.each([
		["auth", { login: { username: "u", password: "p" } }],
		["auth", { status: 403 }],
		["not-found", { status: 404 }],
		["network", { status: 500 }],
	] as const)("is reported as %s if the server behaves as %o", async (reason, behaviour) => {
		const { base, directory } = served();
		const server = await gitHttpServer(directory, behaviour);
		await expect(remoteGit(base, clone(`${server.url}/repo.git`, "goal"), { env })).rejects.toMatchObject({
			...{ code: "failed", reason },
		});
	});

	test("is reported for a missing repository, host, port or branch", async () => {
		const { base, directory } = served();
		const server = await gitHttpServer(directory);
		const failing = (args: string[]) => expect(remoteGit(base, args, { env })).rejects;
		await failing(clone(`${server.url}/none.git`, "goal")).toMatchObject({ reason: "not-found" });
		await failing(clone(join(directory, "none.git"), "goal")).toMatchObject({ reason: "not-found" });
		await failing(clone("http://does-not-exist.invalid/x.git", "goal")).toMatchObject({ reason: "network" });
		await failing(clone("http://127.0.0.1:1/x.git", "goal")).toMatchObject({ reason: "network" });
		const url = `${server.url}/repo.git`;
		await failing(["clone", "--branch", "none", "--", url, "goal"]).toMatchObject({ reason: "ref-missing" });
		await failing(["fetch", "--", url, "x"]).toMatchObject({ reason: "other" });
	});

	test("is reported as a network error if the connection is lost", async () => {
		const { base, directory } = served({ big: "x".repeat(50_000) + Math.random() });
		const server = await gitHttpServer(directory, { cutAfterBytes: 300 });
		await expect(remoteGit(base, ["clone", "--", `${server.url}/repo.git`, "goal"], { env })).rejects.toMatchObject({
			reason: "network",
		});
	});

	test("is reported without the user part of the URL", async () => {
		const url = "http://user:pa55word@127.0.0.1:1/x.git";
		const error: unknown = await remoteGit("/", ["ls-remote", "--", url], { env }).catch((failure: unknown) => failure);
		expect(`${String(error)} ${JSON.stringify(error)}`).not.toMatch(/pa55word|user/);
		expect(error).toMatchObject({ message: expect.stringContaining("http://127.0.0.1:1/x.git") });
	});
});

describe("a server that accepts connections but never replies", () => {
	function helpersOf(url: string): number[] {
		const list = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).split("\n");
		return list
			.filter((line) => line.includes("git-remote-http") && line.includes(url))
			.map((line) => Number.parseInt(line, 10));
	}

	test("is given up after a timeout, which ends git and its helper", async () => {
		const { url } = await silentServer("http");
		const waiting = remoteGit("/", ["ls-remote", "--", `${url}/x.git`], { env, timeoutMs: 700 });
		await new Promise((resolve) => setTimeout(resolve, 400));
		const helpers = helpersOf(url);
		expect(helpers).not.toEqual([]);
		await expect(waiting).rejects.toMatchObject({ reason: "timeout", code: "failed" });
		expect(helpers.filter(isAlive)).toEqual([]);
	});

	test("is given up on abort", async () => {
		const { url } = await silentServer("git");
		const signal = AbortSignal.timeout(300);
		const waiting = remoteGit("/", ["ls-remote", "--", `${url}/x.git`], { env, signal });
		await expect(waiting).rejects.toMatchObject({ reason: "aborted", code: "interrupted" });
	});
});

test.each(["--upload-pack=touch /tmp/x", "", "ext::sh -c true", "a\nb", "a\0b"])(
	"refuses %j before git starts",
	async (url) => {
		await expect(listRemoteRefs("/", url, [], { env })).rejects.toMatchObject({ code: "config" });
	},
);
