import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentv, tempTree, waitUntil } from "@agentv/test-support";
import { describe, expect, test } from "vitest";

const hasKeygen = spawnSync("ssh-keygen", ["-?"]).error === undefined;
const hasAgent = spawnSync("ssh-agent", ["-?"]).error === undefined;

/** Creates a finished run, the keys of two people, and an allowed signers file with only ada's. */
async function signed() {
	const cwd = tempTree({
		"my.eval.yaml": "tests: [{id: a, input: hi, assertions: [{type: contains, value: hi}]}]\n",
		"targets.yaml": "targets: [{name: default, provider: mock, response: hi}]\n",
	});
	const run = (...args: string[]) => agentv(args, { cwd });
	expect(await run("eval", "run", "my.eval.yaml", "--output", "out")).toMatchObject({ exitCode: 0 });
	for (const name of ["ada", "eve"])
		execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", join(cwd, name)]);
	const [type, key] = readFileSync(join(cwd, "ada.pub"), "utf8").split(" ");
	writeFileSync(join(cwd, "allowed"), `ada@example.com ${type} ${key}\n`);
	const verify = (...args: string[]) => run("results", "verify", "out", "--allowed-signers", "allowed", ...args);
	return { cwd, run, verify };
}

describe.skipIf(!hasKeygen)("a signed run", () => {
	test("can be verified with the allowed signers, also without AgentV", async () => {
		const { cwd, run, verify } = await signed();
		expect(await verify()).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("the run is not signed") });
		expect(await run("results", "sign", "out", "--key", "ada")).toMatchObject({
			exitCode: 0,
			stdout: expect.stringMatching(/^Signed: out\/run\.sha256\.sig\ndigest [0-9a-f]{64}\n$/),
		});
		expect(await verify()).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("signed by ada@example.com") });
		expect(await verify("--signer", "ada@example.com")).toMatchObject({ exitCode: 0 });
		expect(JSON.parse((await verify("--json")).stdout)).toMatchObject({ agrees: true, signed_by: "ada@example.com" });
		const how = ["-Y", "verify", "-f", "allowed", "-I", "ada@example.com", "-n", "agentv-run"];
		const input = readFileSync(join(cwd, "out/run.sha256"));
		execFileSync("ssh-keygen", [...how, "-s", "out/run.sha256.sig"], { cwd, input });
		execFileSync("sha256sum", ["--check", "--strict", "--quiet", "run.sha256"], { cwd: join(cwd, "out") });
	});

	test("is refused for another signer, another digest, or a modified signature", async () => {
		const { cwd, run, verify } = await signed();
		const says = async (reason: string, ...args: string[]) =>
			expect(await verify(...args)).toMatchObject({ exitCode: 1, stdout: expect.stringContaining(reason) });
		await run("results", "sign", "out", "--key", "eve");
		await says("the signature is not from an allowed signer");
		await run("results", "sign", "out", "--key", "ada");
		await says("it is signed by ada@example.com, not by eve@example.com", "--signer", "eve@example.com");
		const signature = join(cwd, "out/run.sha256.sig");
		const text = readFileSync(signature, "utf8");
		writeFileSync(
			signature,
			text.replace(/[A-Za-z0-9+/](?=[A-Za-z0-9+/=\n]{20,21}\n-----END)/, (one) => (one === "A" ? "B" : "A")),
		);
		expect(await verify()).toMatchObject({ exitCode: 1 });
		writeFileSync(signature, text);
		// Resuming the run changes its digest.
		rmSync(join(cwd, "out/tests"), { recursive: true });
		expect(await run("eval", "run", "--resume", "--run", "out")).toMatchObject({ exitCode: 0 });
		await says("does not match this digest: the run, its record or the signature changed after signing");
		expect(await run("results", "verify", "out")).toMatchObject({
			exitCode: 1,
			stdout: expect.stringContaining("run.sha256.sig is not a signature of this digest"),
		});
		await run("results", "sign", "out", "--key", "ada");
		expect(await verify()).toMatchObject({ exitCode: 0 });
		// Resuming a finished run keeps its digest.
		expect(await run("eval", "run", "--resume", "--run", "out")).toMatchObject({ exitCode: 0 });
		expect(await verify()).toMatchObject({ exitCode: 0 });
	});

	test("can't be created with an unusable key or after the record was modified", async () => {
		const { cwd, run } = await signed();
		expect(await run("results", "sign", "out", "--key", "nowhere")).toMatchObject({
			exitCode: 2,
			stderr: expect.stringMatching(/ssh-keygen can't sign with .*nowhere: .*No such file/s),
		});
		expect(existsSync(join(cwd, "out/run.sha256.sig"))).toBe(false);
		appendFileSync(join(cwd, "out/index.jsonl"), "\n");
		const refused = await run("results", "sign", "out", "--key", "ada");
		expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("index.jsonl") });
	});

	test("is checked for its digest even without allowed signers", async () => {
		const { cwd, run } = await signed();
		expect((await run("results", "verify", "out")).stdout).not.toContain("sign");
		await run("results", "sign", "out", "--key", "eve");
		expect(await run("results", "verify", "out")).toMatchObject({
			exitCode: 0,
			stdout: expect.stringContaining("the signer was not checked: pass --allowed-signers FILE"),
		});
		const json = await run("results", "verify", "out", "--json");
		expect(JSON.parse(json.stdout)).toMatchObject({ agrees: true, signature: "signers_not_checked" });
		const without = await agentv(["results", "verify", "out"], { cwd, env: { PATH: join(cwd, "tmp") } });
		expect(without).toMatchObject({
			exitCode: 0,
			stdout: expect.stringContaining("ssh-keygen (OpenSSH client) is missing"),
		});
		writeFileSync(join(cwd, "out/run.sha256.sig"), "garbage\n");
		expect(await run("results", "verify", "out")).toMatchObject({
			exitCode: 1,
			stdout: expect.stringContaining("run.sha256.sig is not a signature of this digest"),
		});
	});

	test.each(["SIGINT", "SIGTERM"] as const)("leaves no ssh-keygen behind after %s", async (signal) => {
		const { cwd, run } = await signed();
		await run("results", "sign", "out", "--key", "ada");
		mkdirSync(join(cwd, "bin"));
		writeFileSync(join(cwd, "bin/ssh-keygen"), `#!/bin/sh\necho $$ > ${cwd}/pid\nexec sleep 300\n`, { mode: 0o755 });
		const env = { PATH: `${join(cwd, "bin")}:${process.env["PATH"]}`, HOME: cwd, AGENTV_HOME: join(cwd, ".home") };
		const child = spawn(process.execPath, [process.env["AGENTV_TEST_BIN"] ?? "", "results", "verify", "out"], {
			cwd,
			env,
		});
		await waitUntil(() => existsSync(join(cwd, "pid")) && readFileSync(join(cwd, "pid"), "utf8").endsWith("\n"));
		child.kill(signal);
		await once(child, "exit");
		expect(() => process.kill(Number(readFileSync(join(cwd, "pid"), "utf8")), 0)).toThrow("ESRCH");
	});

	test("can't be created or verified with a pipe in place of the key or allowed signers", async () => {
		const { cwd, run } = await signed();
		for (const name of ["pipe", "eve.pub"]) {
			rmSync(join(cwd, name), { force: true });
			execFileSync("mkfifo", [join(cwd, name)]);
		}
		for (const key of ["pipe", "eve"])
			expect(await run("results", "sign", "out", "--key", key)).toMatchObject({
				exitCode: 2,
				stderr: expect.stringContaining("is not a regular file"),
			});
		expect(await run("results", "verify", "out", "--allowed-signers", "pipe")).toMatchObject({
			exitCode: 2,
			stderr: expect.stringContaining("pipe is not a file"),
		});
	});

	test.skipIf(!hasAgent)("can be created with a key that only ssh-agent has", async () => {
		const { cwd } = await signed();
		const script = [
			"export SSH_AUTH_SOCK=$PWD/agent",
			"ssh-agent -D -a agent >/dev/null & pid=$!",
			"until [ -S agent ]; do sleep 0.02; done",
			'ssh-add -q ada; rm ada; "$@"; code=$?; kill $pid; wait $pid; exit $code',
		].join("\n");
		const words = [
			process.execPath,
			process.env["AGENTV_TEST_BIN"] ?? "",
			"results",
			"sign",
			"out",
			"--key",
			"ada.pub",
		];
		const env = { PATH: process.env["PATH"], HOME: cwd, AGENTV_HOME: join(cwd, ".home"), TMPDIR: join(cwd, "tmp") };
		mkdirSync(env.TMPDIR);
		const ran = spawnSync("sh", ["-c", script, "sh", ...words], { cwd, env, encoding: "utf8" });
		expect(ran.stdout + ran.stderr).toContain("Signed: out/run.sha256.sig");
	});
});

test("agentv results sign and verify report a missing ssh-keygen and missing options", async () => {
	const cwd = tempTree({
		"my.eval.yaml": "tests: [{id: a, input: hi, assertions: [{type: contains, value: hi}]}]\n",
		"targets.yaml": "targets: [{name: default, provider: mock, response: hi}]\n",
		key: "",
		"bin/.keep": "",
	});
	await agentv(["eval", "run", "my.eval.yaml", "--output", "out"], { cwd });
	const env = { PATH: join(cwd, "bin") };
	expect(await agentv(["results", "sign", "out", "--key", "key"], { cwd, env })).toMatchObject({
		exitCode: 2,
		stderr: expect.stringContaining("openssh-client"),
	});
	expect(await agentv(["results", "verify", "out", "--signer", "ada"], { cwd })).toMatchObject({
		exitCode: 2,
		stderr: expect.stringContaining("--signer requires --allowed-signers FILE"),
	});
});
