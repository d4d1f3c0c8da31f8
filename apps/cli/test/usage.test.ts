import { spawn, spawnSync } from "node:child_process";
import { agentv, agentvBin, tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import manifest from "../package.json" with { type: "json" };

/** Whether there is `script` of util-linux; other implementations have different arguments. */
const hasPseudoTerminal = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;

describe("agentv", () => {
	it("prints its version", async () => {
		for (const option of ["--version", "-V"]) {
			expect(await agentv([option], { cwd: tempTree() })).toEqual({
				exitCode: 0,
				stdout: `${manifest.version}\n`,
				stderr: "",
			});
		}
	});

	it("prints help on stdout with --help", async () => {
		const help = await agentv(["--help"], { cwd: tempTree() });
		expect(help).toMatchObject({ exitCode: 0, stderr: "", stdout: expect.stringContaining("Usage: agentv") });
	});

	it("suggests the nearest option for an unknown one", async () => {
		expect(await agentv(["--debgu"], { cwd: tempTree() })).toMatchInlineSnapshot(`
			{
			  "exitCode": 2,
			  "stderr": "error: unknown option '--debgu'
			hint: Did you mean --debug? \`agentv --help\` lists the options.
			",
			  "stdout": "",
			}
		`);
	});

	it.skipIf(!hasPseudoTerminal)("uses colours in a terminal, except with NO_COLOR or --no-color", async () => {
		const cwd = tempTree();
		const red = "\u001b[31m";
		expect((await agentv(["--debgu"], { cwd, terminal: true })).stdout).toContain(red);
		expect((await agentv(["--debgu"], { cwd, terminal: true, env: { NO_COLOR: "1" } })).stdout).not.toContain(red);
		expect((await agentv(["--debgu", "--no-color"], { cwd, terminal: true })).stdout).not.toContain(red);
		expect((await agentv(["--debgu"], { cwd, env: { FORCE_COLOR: "1" } })).stderr).toContain(red);
	});

	it("prints no error if the reader closes the pipe", async () => {
		const child = spawn(process.execPath, [agentvBin(), "--help"], { stdio: ["ignore", "pipe", "pipe"] });
		child.stdout.destroy();
		let complaint = "";
		child.stderr.on("data", (chunk) => {
			complaint += chunk;
		});
		const exitCode = await new Promise((resolve) => child.on("close", resolve));
		expect({ exitCode, complaint }).toEqual({ exitCode: 0, complaint: "" });
	});

	it.skipIf(process.platform === "win32")("prints all output to a slow pipe with a buffer of 64 KB", () => {
		const option = `--${"x".repeat(100_000)}`;
		// The pipe is the shell's, because Node would use a socket with a larger buffer.
		const line = '("$@" 2>&1 >/dev/null; echo "exit $?") | (sleep 0.5; cat)';
		const run = spawnSync("sh", ["-c", line, "sh", process.execPath, agentvBin(), option], { encoding: "utf8" });
		expect(run.stdout.startsWith(`error: unknown option '${option}'\n`)).toBe(true);
		expect(run.stdout.endsWith("lists the options.\nexit 2\n")).toBe(true);
	});
});
