import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { compileModules, isAlive, tempTree, waitUntil } from "@agentv/test-support";
import { describe, expect, onTestFinished, test } from "vitest";
import { describeLeft, ProcessScope } from "./process-scope.ts";
import { runOneOfMany } from "./run-process.ts";

const isLinux = process.platform === "linux";
const env = { PATH: process.env["PATH"] };

/**
 * Runs a shell script in a scope and its own directory, where it writes process ids, one per line.
 */
async function run(shell: string, scope?: ProcessScope, cwd = realpathSync(tempTree())) {
	const one = scope ?? new ProcessScope([cwd]);
	const result = await one.run(() => runOneOfMany({ shell, cwd, env }));
	expect(result.exitCode).toBe(0);
	await waitUntil(() => existsSync(join(cwd, "pids")));
	const pids = () => readFileSync(join(cwd, "pids"), "utf8").trim().split("\n").map(Number);
	onTestFinished(() => {
		for (const pid of pids()) if (isAlive(pid)) process.kill(pid, "SIGKILL");
	});
	return { scope: one, pids, cwd };
}

/** Returns the processes that certainly remain. The others may belong to a concurrent test. */
async function surelyLeft(scope: ProcessScope) {
	return (await scope.end()).filter(({ isCertain }) => isCertain);
}

/** A shell that writes its process id and waits. */
const waits = `'echo $$ >> pids; exec sleep 60'`;
const quiet = "</dev/null >/dev/null 2>&1";

describe.runIf(isLinux)("ending a scope ends every process", () => {
	test.each([
		["in the process group", `sh -c ${waits} ${quiet} &`],
		["in its own session", `setsid -f sh -c ${waits} ${quiet}`],
		["started with nohup and a double fork", `(nohup sh -c ${waits} ${quiet} &) ; sleep 0.1`],
		[
			"that ignores SIGTERM",
			`setsid -f sh -c 'trap "" TERM HUP; echo $$ >> pids; while :; do sleep 0.1; done' ${quiet}`,
		],
		["with an empty environment, in the session", `env -i PATH="$PATH" sh -c ${waits} ${quiet} &`],
		[
			"with an empty environment, below a process of the scope",
			`setsid -f sh -c 'env -i PATH="$PATH" sh -c "echo \\$\\$ >> pids; exec sleep 60" & wait' ${quiet}`,
		],
		[
			"with an empty environment, with the scope's working directory",
			`setsid -f env -i PATH="$PATH" sh -c ${waits} ${quiet}`,
		],
		["stopped", `setsid -f sh -c 'echo $$ >> pids; kill -STOP $$; sleep 60' ${quiet}; sleep 0.2`],
	])("%s", async (_, shell) => {
		const { scope, pids } = await run(shell);
		await waitUntil(() => pids().every(isAlive));
		expect(await surelyLeft(scope)).toEqual([]);
		expect(pids().filter(isAlive)).toEqual([]);
	});

	test("in a chain of processes that keep starting each other", async () => {
		const cwd = realpathSync(tempTree());
		const chain = `trap "" TERM; echo $$ >> pids; sleep 0.02; setsid -f sh "$0" ${quiet}`;
		writeFileSync(join(cwd, "chain.sh"), chain);
		const { scope, pids } = await run(`setsid -f sh "$PWD/chain.sh" ${quiet}; sleep 0.3`, undefined, cwd);
		expect(await surelyLeft(scope)).toEqual([]);
		const before = pids().length;
		await new Promise((resolve) => setTimeout(resolve, 200));
		expect(pids().length).toBe(before);
	});
});

describe.runIf(isLinux)("ending a scope", () => {
	test("keeps processes of other scopes, outer scopes and no scope", async () => {
		const other = await run(`setsid -f sh -c ${waits} ${quiet}`);
		const around = new ProcessScope();
		const inner = await around.run(() => run(`setsid -f sh -c ${waits} ${quiet}`));
		const outer = await run(`setsid -f sh -c ${waits} ${quiet}`, around);
		let bystander: ChildProcess | undefined;
		const mine = await run(`setsid -f sh -c ${waits} ${quiet}`);
		bystander = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
		onTestFinished(() => void bystander.kill("SIGKILL"));
		expect(await surelyLeft(mine.scope)).toEqual([]);
		expect(mine.pids().some(isAlive)).toBe(false);
		expect(await surelyLeft(inner.scope)).toEqual([]);
		expect(inner.pids().some(isAlive)).toBe(false);
		for (const pid of [...other.pids(), ...outer.pids(), bystander.pid ?? 0]) expect(isAlive(pid)).toBe(true);
		await other.scope.end();
		await around.end();
		expect([...other.pids(), ...outer.pids()].some(isAlive)).toBe(false);
	});

	test("in an AgentV inside AgentV ends only its own processes, and the outer scope ends all", async () => {
		const cwd = realpathSync(tempTree());
		const many = compileModules(join(import.meta.dirname, "./run-process.ts"));
		writeFileSync(
			join(cwd, "inner.mjs"),
			`import { ProcessScope } from ${JSON.stringify(join(dirname(many), "process-scope.js"))};
			import { runOneOfMany } from ${JSON.stringify(many)};
			const start = (scope, file) =>
				scope.run(() => runOneOfMany({ shell: \`setsid -f sh -c 'echo $$ >> \${file}; exec sleep 60' ${quiet}; sleep 0.2\`, cwd: process.cwd(), env: process.env }));
			const [ended, left] = [new ProcessScope(), new ProcessScope()];
			await start(ended, "ended");
			await start(left, "pids");
			await ended.end();
			process.reallyExit(0);`,
		);
		const { scope, pids } = await run(`${process.execPath} inner.mjs`, undefined, cwd);
		expect(pids().every(isAlive)).toBe(true);
		expect(isAlive(Number(readFileSync(join(cwd, "ended"), "utf8")))).toBe(false);
		expect(await surelyLeft(scope)).toEqual([]);
		expect(pids().some(isAlive)).toBe(false);
	});
});

test.runIf(isLinux)("a daemon that hides its origin is reported and not ended", async () => {
	const { scope, pids } = await run(
		`touch pids; setsid -f env -i PATH="$PATH" OUT="$PWD/pids" sh -c 'cd /; echo $$ >> "$OUT"; exec sleep 60' ${quiet}; sleep 0.1`,
	);
	const left = (await scope.end()).filter(({ pid }) => pid === pids()[0]);
	expect(left).toEqual([{ pid: pids()[0], command: "sleep 60", isCertain: false }]);
	expect(left.map((one) => describeLeft(one, "the target"))[0]).toMatch(
		/^process \d+ \(sleep 60\) may have been started by the target/,
	);
	expect(pids().every(isAlive)).toBe(true);
});

test.runIf(isLinux)("ending a scope takes little time, even among many processes", async () => {
	const crowd = Array.from({ length: 500 }, () => spawn("sleep", ["60"], { stdio: "ignore" }));
	onTestFinished(() => void crowd.map((one) => one.kill("SIGKILL")));
	// CPU time of this process only, because other tests run concurrently.
	const cpuMs = (since?: NodeJS.CpuUsage) => {
		const { user, system } = process.cpuUsage(since);
		return (user + system) / 1000;
	};
	const times: number[] = [];
	for (let index = 0; index < 20; index++) {
		const scope = new ProcessScope();
		await scope.run(() => runOneOfMany({ argv: ["true"], cwd: "/", env }));
		const started = process.cpuUsage();
		await scope.end();
		times.push(cpuMs(started));
	}
	const median = times.sort((a, b) => a - b)[10] ?? 0;
	expect(median).toBeLessThan(10);
	const nothing = new ProcessScope();
	const started = process.cpuUsage();
	for (let index = 0; index < 1000; index++) await nothing.end();
	expect(cpuMs(started)).toBeLessThan(100);
});
