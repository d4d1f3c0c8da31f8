import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { gitRepository, tempTree, waitUntil } from "@agentv/test-support";
import { expect, onTestFinished, test } from "vitest";
import { KilledCommand, kill, moments, pause } from "./testing/killed.ts";

const token = "a-token-of-this-test-0123456789";

/** Starts Studio in a separate process and returns a client for it. */
async function studio(here: KilledCommand) {
	const child = here.start(["studio", "--no-open", "--port", "0", "--token", token], {
		stdio: ["ignore", "pipe", "ignore"],
	});
	onTestFinished(() => void child.kill("SIGKILL"));
	let said = "";
	child.stdout?.on("data", (chunk) => {
		said += chunk;
	});
	await waitUntil(() => /http:\/\/\S+/.test(said), 30_000);
	const url = new URL(/http:\/\/\S+/.exec(said)?.[0] ?? "");
	const entered = await fetch(new URL(`/?token=${token}`, url), { redirect: "manual" });
	const cookie = (entered.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
	const headers = { "x-agentv-token": token, "content-type": "application/json", cookie };
	const ask = async (path: string, body?: object) => {
		const { status, text } = await sent(new URL(path, url), headers, body);
		return { status, answer: JSON.parse(text) };
	};
	return { child, ask };
}

/** Sends a request over a new connection, because Studio closes idle ones. */
async function sent(url: URL, headers: Readonly<Record<string, string>>, body: object | undefined) {
	const asked = request(url, { agent: false, headers, method: body === undefined ? "GET" : "POST" });
	asked.end(body === undefined ? undefined : JSON.stringify(body));
	const [response] = (await once(asked, "response")) as [IncomingMessage];
	let text = "";
	for await (const chunk of response.setEncoding("utf8")) text += chunk;
	return { status: response.statusCode, text };
}

type Studio = Awaited<ReturnType<typeof studio>>;

/** Starts a job and returns a function that waits for its end. */
async function start({ ask }: Studio, path: string, body: object): Promise<() => Promise<string>> {
	const { status, answer } = await ask(path, body);
	expect(status, JSON.stringify(answer)).toBe(202);
	return async () => {
		let state = "running";
		await waitUntil(async () => {
			const found = await ask(`/api/jobs/${answer.job}`);
			const { error } = found.answer.job;
			state = error ? `${error.code}: ${error.message}` : found.answer.job.state;
			return state !== "running";
		}, 60_000);
		return state;
	};
}

/**
 * Creates an eval and a benchmark whose run, bundle and sync take a few hundred milliseconds each.
 */
function place() {
	const files = Object.fromEntries(
		Array.from({ length: 200 }, (_, index) => [`d${index % 10}/f${index}.txt`, `${index}\n`.repeat(100)]),
	);
	const tests = Array.from(
		{ length: 10 },
		(_, index) =>
			`  - {id: t${index}, input: "${index}", criteria: x, assertions: [{type: contains, value: "${index}"}]}\n`,
	);
	const root = tempTree({
		...Object.fromEntries(Object.entries(files).map(([path, text]) => [`project/template/${path}`, text])),
		"project/my.eval.yaml": `target: m\nworkspace: ./template\ntests:\n${tests.join("")}`,
		"project/targets.yaml": "targets: [{name: m, provider: cli, command: 'printf %s {PROMPT}'}]\n",
	});
	gitRepository(join(root, "origin"), files).pushTo(join(root, "bare"));
	const registry = `benchmarks:\n  - id: b\n    path: ${root}/clone\n    source: { url: "file://${root}/bare" }\n`;
	const here = new KilledCommand(root);
	return { here, registry };
}

const { count, random } = moments(100);

test(`a job can be repeated after kill -9 of Studio at any moment (${count} moments)`, {
	timeout: 1_800_000,
}, async () => {
	const { here, registry } = place();
	mkdirSync(join(here.cwd, ".home"), { recursive: true });
	writeFileSync(join(here.cwd, ".home/benchmarks.yaml"), registry);
	const at = (path: string) => join(here.cwd, path);
	let open = await studio(here);
	const id = (await open.ask("/api/evals")).answer.items[0].id;
	const jobs = [
		{ path: `/api/evals/${id}/run`, body: {} },
		{ path: `/api/evals/${id}/bundle`, body: { name: "made" } },
		{ path: "/api/benchmarks/b/sync", body: {} },
	];
	const end = (child: ChildProcess, round: number) => kill(child, round % 2 === 1);
	for (let round = 0; round < count; round++) {
		const { path, body } = jobs[round % jobs.length] ?? { path: "", body: {} };
		for (const made of [".agentv", ".home/bundles", "clone"]) rmSync(at(made), { recursive: true, force: true });
		await start(open, path, body);
		await pause(400 * random());
		await end(open.child, round);
		open = await studio(here);
		// If the bundle was finished, a second one with its name would be refused.
		const isThere = path.endsWith("/bundle") && existsSync(at(".home/bundles/made"));
		if (!isThere) expect(await (await start(open, path, body))(), path).toBe("done");
		if (path.endsWith("/bundle")) await here.succeeds(["bundle", "verify", ".home/bundles/made"]);
		if (path.endsWith("/sync")) expect(await here.succeeds(["benchmark", "status"])).toContain("synced");
		if (path.endsWith("/run")) {
			const runs = at(".agentv/results/runs/default");
			for (const name of readdirSync(runs).filter((one) => existsSync(join(runs, one, "run.json")))) {
				await here.succeeds(["eval", "run", "--resume", "--run", `default/${name}`]);
				await here.succeeds(["results", "verify", `default/${name}`]);
			}
			expect(readdirSync(runs).filter((one) => !existsSync(join(runs, one, "run.json")))).toEqual([]);
		}
		// The new Studio may use temporary files for a moment.
		await waitUntil(() => here.remains().length === 0, 10_000).catch(() => undefined);
		expect(here.remains()).toEqual([]);
	}
	await end(open.child, 0);
});
