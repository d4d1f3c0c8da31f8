import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { agentv, agentvBin, isAlive, tempTree, waitUntil } from "@agentv/test-support";
import { expect, it, onTestFinished } from "vitest";

/**
 * Starts Studio in a separate process. Returns its URL and a function that stops it with SIGINT.
 */
async function studio(cwd: string, args: readonly string[], more: Readonly<Record<string, string>> = {}) {
	const env = { ...more, PATH: process.env.PATH ?? "", HOME: cwd, AGENTV_HOME: join(cwd, ".home") };
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

const token = "a-token-of-22-or-more+&characters";

async function takenPort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	onTestFinished(() => void server.close());
	return (server.address() as AddressInfo).port;
}

it("reports that the requested port is in use", async () => {
	const port = String(await takenPort());
	const { exitCode, stderr } = await agentv(["studio", "--no-open", "--port", port], { cwd: tempTree() });
	expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`port ${port} is already in use`)]);
});

it.each([["127.0.0.1"], ["0.0.0.0"]])(
	"prints a link with its token on %s, starts with an invalid registry, and exits with 0 on Ctrl-C",
	async (host) => {
		const root = tempTree({ ".home/benchmarks.yaml": "benchmarks: [\n" });
		const { url, stop } = await studio(root, ["--port", "0", "--host", host, "--token", token]);
		expect(url.searchParams.get("token")).toBe(token);
		const at = `http://127.0.0.1:${url.port}`;
		expect((await fetch(`${at}/api/about`)).status).toBe(401);
		const headers = { authorization: `Bearer ${token}` };
		expect((await fetch(`${at}/api/benchmarks`, { headers })).status).toBe(422);
		expect(await stop()).toBe(0);
	},
);

it.each([
	[["--token", "a&b"], {}, "Studio's token has 3 characters, which is too short"],
	[["--token", ""], {}, "Studio's token has 0 characters"],
	[[], { AGENTV_STUDIO_TOKEN: "x".repeat(21) }, "Studio's token has 21 characters"],
])("refuses the token of %j %j", async (args, env, said) => {
	const { exitCode, stdout, stderr } = await agentv(["studio", "--no-open", "--port", "0", ...args], {
		cwd: tempTree(),
		env,
	});
	expect([exitCode, stdout, stderr]).toEqual([2, "", expect.stringContaining(said)]);
	expect(stderr).toContain("openssl rand");
});

it("reads its token from the environment and doesn't pass it on to programs", async () => {
	const root = tempTree({
		"a.eval.yaml": "target: shows\ntests: [{id: a, input: hi, assertions: [{type: contains, value: hi}]}]\n",
		"targets.yaml": "targets: [{name: shows, provider: cli, command: [node, shows.mjs]}]\n",
		"shows.mjs": 'import { writeFileSync } from "node:fs";\nwriteFileSync("env", JSON.stringify(process.env));\n',
	});
	const { url, stop } = await studio(root, ["--port", "0"], { AGENTV_STUDIO_TOKEN: token });
	expect(url.searchParams.get("token")).toBe(token);
	await startFirstEval(url, token);
	await waitUntil(() => existsSync(join(root, "env")));
	expect(readFileSync(join(root, "env"), "utf8")).not.toContain(token);
	await stop();
});

/** Starts a run of the first eval in the list, like a script. */
async function startFirstEval(url: URL, bearer: string): Promise<void> {
	const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
	const list = (await (await fetch(new URL("/api/evals", url), { headers })).json()) as { items: { id: string }[] };
	const run = await fetch(new URL(`/api/evals/${list.items[0]?.id}/run`, url), { method: "POST", headers, body: "{}" });
	expect(run.status).toBe(202);
}

it("ends running jobs and their processes on Ctrl-C", async () => {
	const root = tempTree({
		"a.eval.yaml": "target: slow\ntests: [{id: a, input: hi, assertions: [{type: contains, value: hi}]}]\n",
		"targets.yaml": "targets: [{name: slow, provider: cli, command: [node, slow.mjs]}]\n",
		"slow.mjs":
			'import { writeFileSync } from "node:fs";\nwriteFileSync("pid", String(process.pid));\nsetInterval(() => {}, 1000);\n',
	});
	const { url, stop } = await studio(root, ["--port", "0", "--token", token]);
	await startFirstEval(url, token);
	const pid = () => Number(readFileSync(join(root, "pid"), "utf8"));
	await waitUntil(() => pid() > 0);
	const target = pid();
	expect(await stop()).toBe(130);
	await waitUntil(() => !isAlive(target));
});
