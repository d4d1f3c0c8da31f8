import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { agentv, agentvBin, isAlive, tempTree, waitUntil } from "@agentv/test-support";
import { expect, it, onTestFinished } from "vitest";

/** A Studio of its own process: where it listens, and how to stop it by Ctrl-C. */
async function studio(cwd: string, ...args: string[]) {
	const env = { PATH: process.env.PATH ?? "", HOME: cwd, AGENTV_HOME: join(cwd, ".home") };
	const child = spawn(process.execPath, [agentvBin(), "studio", "--no-open", ...args], { cwd, env });
	onTestFinished(() => void child.kill("SIGKILL"));
	let said = "";
	child.stdout.on("data", (chunk) => {
		said += chunk;
	});
	await waitUntil(() => /http:\/\/\S+/.test(said));
	const url = /http:\/\/\S+/.exec(said)?.[0] ?? "";
	const stop = async () => {
		child.kill("SIGINT");
		const [exitCode] = await once(child, "exit");
		return exitCode as number | null;
	};
	return { url: new URL(url), stop };
}

async function takenPort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	onTestFinished(() => void server.close());
	return (server.address() as AddressInfo).port;
}

it("says that a port which was asked for is taken", async () => {
	const port = String(await takenPort());
	const { exitCode, stderr } = await agentv(["studio", "--no-open", "--port", port], { cwd: tempTree() });
	expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`port ${port} is taken`)]);
});

it("prints the token beyond loopback, starts whatever the registry is like, and ends clean by Ctrl-C", async () => {
	const root = tempTree({ ".home/benchmarks.yaml": "benchmarks: [\n" });
	const { url, stop } = await studio(root, "--port", "0", "--host", "0.0.0.0", "--token", "a&b");
	expect(url.searchParams.get("token")).toBe("a&b");
	const at = `http://127.0.0.1:${url.port}`;
	expect((await fetch(`${at}/api/about`)).status).toBe(401);
	expect((await fetch(`${at}/api/benchmarks`, { headers: { "x-agentv-token": "a&b" } })).status).toBe(422);
	expect(await stop()).toBe(0);
});

it("ends what runs in it by Ctrl-C, processes of a target included", async () => {
	const root = tempTree({
		"a.eval.yaml": "target: slow\ntests: [{id: a, input: hi, assertions: [{type: contains, value: hi}]}]\n",
		"targets.yaml": "targets: [{name: slow, provider: cli, command: [node, slow.mjs]}]\n",
		"slow.mjs":
			'import { writeFileSync } from "node:fs";\nwriteFileSync("pid", String(process.pid));\nsetInterval(() => {}, 1000);\n',
	});
	const { url, stop } = await studio(root, "--port", "0", "--token", "secret-token");
	const headers = { "x-agentv-token": "secret-token", "content-type": "application/json" };
	const list = (await (await fetch(new URL("/api/evals", url))).json()) as { items: { id: string }[] };
	const run = await fetch(new URL(`/api/evals/${list.items[0]?.id}/run`, url), { method: "POST", headers, body: "{}" });
	expect(run.status).toBe(202);
	const pid = () => Number(readFileSync(join(root, "pid"), "utf8"));
	await waitUntil(() => pid() > 0);
	const target = pid();
	expect(await stop()).toBe(130);
	await waitUntil(() => !isAlive(target));
});
