import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import type { Environment } from "./environment.ts";
import { type ProcessCommand, type ProcessOptions, runProcess } from "./run-process.ts";

const env: Environment = { PATH: process.env.PATH };
const cwd = "/";

function run(command: ProcessCommand & Partial<ProcessOptions>) {
	return runProcess({ cwd, env, ...command });
}

function node(script: string): string[] {
	return [process.execPath, "-e", script];
}

describe("running a program", () => {
	test("returns its exit code and both outputs", async () => {
		const result = await run({ shell: "echo out; echo err >&2; exit 3" });
		expect(result).toMatchObject({ exitCode: 3, signal: null, stdout: "out\n", stderr: "err\n", truncated: false });
		expect(result).toMatchObject({ timedOut: false, aborted: false });
	});

	test("returns the signal that ended it", async () => {
		expect(await run({ shell: "kill -9 $$" })).toMatchObject({ exitCode: null, signal: "SIGKILL", timedOut: false });
	});

	test("passes arguments unchanged, without a shell", async () => {
		const args = ["$HOME", "a b", "; echo no", "*", ""];
		const result = await run({ argv: [...node("console.log(JSON.stringify(process.argv.slice(1)))"), ...args] });
		expect(JSON.parse(result.stdout)).toEqual(args);
	});

	test("passes only the given environment", async () => {
		const result = await run({ argv: ["env"], env: { PATH: process.env.PATH, ONLY: "this", ABSENT: undefined } });
		expect(result.stdout.trim().split("\n").sort()).toEqual(["ONLY=this", `PATH=${process.env.PATH}`]);
	});

	test("passes input to stdin, which is empty without input", async () => {
		expect((await run({ argv: ["cat"], input: "héllo" })).stdout).toBe("héllo");
		expect((await run({ argv: ["cat"] })).stdout).toBe("");
	});

	test("succeeds if the program does not read its large input", async () => {
		expect(await run({ argv: ["true"], input: Buffer.alloc(5_000_000) })).toMatchObject({ exitCode: 0 });
	});

	test("reports lines while it runs, ended by LF, CRLF or CR", async () => {
		const lines: string[] = [];
		await run({ argv: ["printf", "1%%\\r2%%\\r\\nthree\\n\\nlast"], onStdout: (line) => lines.push(line) });
		expect(lines).toEqual(["1%", "2%", "three", "", "last"]);
	});

	test("rejects with the error of a line callback after ending the program", async () => {
		const onStdout = () => {
			throw new Error("from the callback");
		};
		await expect(run({ shell: "echo a; sleep 60", onStdout })).rejects.toThrow("from the callback");
	});
});

describe("a program that cannot be started", () => {
	test("reports if the program or the directory is missing", async () => {
		const missing = await run({ argv: ["no-such-program-here"] });
		expect(missing.startError).toEqual({ code: "ENOENT", message: "no-such-program-here was not found" });
		const nowhere = await run({ argv: ["true"], cwd: "/nowhere" });
		expect(nowhere.startError?.message).toBe("the working directory /nowhere does not exist");
	});

	test("reports that a file is not executable", async () => {
		const root = tempTree({ "plain.txt": "text" });
		const plain = await run({ argv: [join(root, "plain.txt")] });
		expect(plain.startError).toMatchObject({ code: "EACCES" });
	});

	test("reports invalid arguments", async () => {
		expect((await run({ argv: ["true", "x".repeat(3_000_000)] })).startError?.code).toBe("E2BIG");
		expect((await run({ argv: ["true", "a\0b"] })).startError).toBeDefined();
	});
});

describe("large output", () => {
	test("is written to a file, with its beginning in memory", async () => {
		const spillDir = join(tempTree(), "spill");
		const result = await run({ argv: ["seq", "200000"], maxBuffer: 1000, spillDir });
		expect(result).toMatchObject({ truncated: true, exitCode: 0 });
		expect(result.stdout).toHaveLength(1000);
		const whole = readFileSync(result.stdoutPath ?? "", "utf8");
		expect(whole.startsWith(result.stdout)).toBe(true);
		expect(whole.split("\n")).toHaveLength(200_001);
		expect(result.stderrPath).toBeUndefined();
	});

	test("is truncated without a spill directory, and marked as truncated", async () => {
		const result = await run({ argv: ["seq", "200000"], maxBuffer: 1000 });
		expect(result).toMatchObject({ truncated: true, exitCode: 0 });
		expect(result.stdoutPath).toBeUndefined();
	});

	test("is not cut within a character", async () => {
		expect((await run({ argv: ["printf", "aé€"], maxBuffer: 4 })).stdout).toBe("aé");
	});

	test("of exactly the limit is not truncated", async () => {
		const spillDir = join(tempTree(), "spill");
		expect(await run({ argv: ["printf", "12345"], maxBuffer: 5, spillDir })).toMatchObject({
			stdout: "12345",
			truncated: false,
		});
		expect(existsSync(spillDir)).toBe(false);
	});

	test("of 1 GB takes bounded memory", async () => {
		const before = process.memoryUsage().rss;
		let highest = 0;
		const watch = setInterval(() => {
			highest = Math.max(highest, process.memoryUsage().rss);
		}, 20);
		const result = await run({ shell: "head -c 1000000000 /dev/zero" });
		clearInterval(watch);
		expect(result).toMatchObject({ exitCode: 0, truncated: true });
		expect(highest - before).toBeLessThan(120_000_000);
	});

	test("is written only up to a size limit", async () => {
		const spillDir = tempTree();
		const result = await run({ shell: "head -c 3000000 /dev/zero", maxBuffer: 10, spillDir, maxSpill: 100_000 });
		expect(statSync(result.stdoutPath ?? "").size).toBe(100_000);
	});
});
