import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, tempTree, waitUntil } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { runProcess } from "./run-process.ts";

const env = { PATH: process.env.PATH };

/** A shell script whose grandchild ignores SIGTERM and writes its process id to `pid`. */
const stubborn = `( trap '' TERM; sh -c 'trap "" TERM; echo $$ > pid; while :; do sleep 0.1; done' ) & wait`;

function pidIn(root: string): number {
	return Number(readFileSync(join(root, "pid"), "utf8"));
}

describe("ending a program", () => {
	test("by timeout also ends grandchildren that ignore SIGTERM", async () => {
		const cwd = tempTree();
		const result = await runProcess({ shell: stubborn, cwd, env, timeoutMs: 500, killGraceMs: 300 });
		expect(result).toMatchObject({ timedOut: true, aborted: false });
		expect(result.durationMs).toBeLessThan(3000);
		expect(isAlive(pidIn(cwd))).toBe(false);
	});

	test("by abort also ends grandchildren that ignore SIGTERM", async () => {
		const cwd = tempTree();
		const controller = new AbortController();
		const running = runProcess({ shell: stubborn, cwd, env, signal: controller.signal, killGraceMs: 200 });
		await waitUntil(() => readFileSync(join(cwd, "pid"), "utf8").endsWith("\n"));
		controller.abort();
		expect(await running).toMatchObject({ timedOut: false, aborted: true });
		expect(isAlive(pidIn(cwd))).toBe(false);
	});

	test("waits for it to clean up on SIGTERM, but no longer", async () => {
		const shell = "trap 'echo tidied; exit 7' TERM; sleep 60 & wait";
		const result = await runProcess({ shell, cwd: "/", env, timeoutMs: 300, killGraceMs: 10_000 });
		expect(result).toMatchObject({ timedOut: true, exitCode: 7, stdout: "tidied\n" });
		expect(result.durationMs).toBeLessThan(3000);
	});

	test("by a signal that is already aborted never starts it", async () => {
		const result = await runProcess({ argv: ["true"], cwd: "/", env, signal: AbortSignal.abort() });
		expect(result).toMatchObject({ aborted: true, exitCode: null, signal: null });
	});

	test("does not wait for a daemon that keeps the pipes open", async () => {
		const cwd = tempTree();
		const result = await runProcess({ shell: "sleep 30 & echo $! > pid; echo done", cwd, env });
		expect(result).toMatchObject({ exitCode: 0, stdout: "done\n" });
		expect(result.durationMs).toBeLessThan(2000);
		expect(isAlive(pidIn(cwd))).toBe(true);
		process.kill(pidIn(cwd));
	});

	test("also ends the processes that it leaves running, if requested", async () => {
		const cwd = tempTree();
		await runProcess({ shell: "sleep 30 & echo $! > pid", cwd, env, leftovers: "end" });
		await waitUntil(() => !isAlive(pidIn(cwd)));
	});
});
