import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentv, agentvBin, isAlive, law, tempTree, waitUntil } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const many = (count: number, more = "") =>
	`tests:\n${Array.from({ length: count }, (_, index) => `  - {id: t${index}, input: "${index}", ${more} assertions: [{type: contains, value: "${index % 3 === 0 ? "never" : index}"}]}`).join("\n")}\n`;
const cliTarget = (command: string) =>
	`targets:\n  - {name: default, provider: cli, command: ${JSON.stringify(command)}}\n`;

interface Row {
	readonly test_id: string;
	readonly execution_status: string;
	readonly score: number;
}

function results(directory: string): string[] {
	const lines = readFileSync(join(directory, "index.jsonl"), "utf8").trimEnd().split("\n");
	const rows = lines.map((line) => JSON.parse(line) as Row);
	expect(new Set(rows.map((row) => row.test_id)).size).toBe(rows.length);
	return rows.map(({ test_id, execution_status, score }) => `${test_id} ${execution_status} ${score}`).sort();
}

describe("a run that is killed", () => {
	test("at any moment is completed by --resume with the same results", { timeout: 600_000 }, async () => {
		const cwd = tempTree({ "my.eval.yaml": many(40), "targets.yaml": cliTarget("printf %s {PROMPT}") });
		const started = performance.now();
		await agentv(["eval", "my.eval.yaml", "--output", "whole"], { cwd });
		const whole = performance.now() - started;
		const expected = results(join(cwd, "whole"));
		let round = 0;
		await fc.assert(
			fc.asyncProperty(fc.double({ min: 0.05, max: 1, noNaN: true }), async (share) => {
				round += 1;
				const output = `killed-${round}`;
				const args = ["eval", "my.eval.yaml", "--output", output];
				await agentv(args, {
					cwd,
					onStart: (pid) => {
						setTimeout(() => {
							try {
								process.kill(pid, "SIGKILL");
							} catch (error) {
								if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
							}
						}, share * whole);
					},
				});
				const began = tryRead(join(cwd, output, "run.json")) !== undefined;
				const resumed = await agentv([...args, ...(began ? ["--resume"] : [])], { cwd });
				expect(resumed.stderr).toBe("");
				expect(resumed.exitCode).toBe(1);
				expect(results(join(cwd, output))).toEqual(expected);
				expect(JSON.parse(readFileSync(join(cwd, output, "summary.json"), "utf8"))).toMatchObject({
					planned: 40,
					errors: 0,
				});
			}),
			law(30),
		);
	});
});

function tryRead(path: string): string | undefined {
	try {
		return readFileSync(path, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}

describe("stopping a run", () => {
	// The first tests are fast, so that the helper process starts the later ones.
	const slow = cliTarget(
		"if [ -e quick ] || [ {PROMPT} -lt 8 ]; then echo {PROMPT}; else echo $$ >> pids; (trap '' TERM; sleep 60 & wait) & wait; fi",
	);

	test("with Ctrl-C ends its programs and their children, and prints how to resume", async () => {
		const cwd = tempTree({ "my.eval.yaml": many(12), "targets.yaml": slow });
		const abort = new AbortController();
		const running = agentv(["eval", "my.eval.yaml", "--workers", "2", "--output", "out"], {
			cwd,
			signal: abort.signal,
		});
		await waitUntil(() => readFileSync(join(cwd, "pids"), "utf8").trim().split("\n").length === 2, 30_000);
		abort.abort();
		const session = await running;
		expect(session.exitCode).toBe(130);
		expect(session.stdout).toContain("Interrupted. Resume with: agentv eval run --resume --run out");
		for (const pid of readFileSync(join(cwd, "pids"), "utf8").trim().split("\n"))
			expect(isAlive(Number(pid))).toBe(false);
		expect(results(join(cwd, "out"))).toHaveLength(8);
		writeFileSync(join(cwd, "quick"), "");
		expect(await agentv(["eval", "run", "--resume", "--run", "out"], { cwd })).toMatchObject({ exitCode: 1 });
		expect(results(join(cwd, "out"))).toHaveLength(12);
	});

	test("with Ctrl-C during a health check is an interruption, not an error of the target", async () => {
		const target = "{name: default, provider: cli, command: echo, healthcheck: [sh, -c, 'echo $$ > pids; sleep 60']}";
		const cwd = tempTree({ "my.eval.yaml": many(1), "targets.yaml": `targets: [${target}]\n` });
		const abort = new AbortController();
		const running = agentv(["eval", "my.eval.yaml"], { cwd, signal: abort.signal });
		await waitUntil(() => (tryRead(join(cwd, "pids")) ?? "") !== "", 30_000);
		abort.abort();
		expect(await running).toMatchObject({ exitCode: 130 });
	});

	test("with kill -9 ends its programs, too", async () => {
		const cwd = tempTree({ "my.eval.yaml": many(10), "targets.yaml": slow });
		await agentv(["eval", "my.eval.yaml", "--workers", "1"], {
			cwd,
			onStart: (pid) => {
				const isThere = () => readFileSync(join(cwd, "pids"), "utf8") !== "";
				void waitUntil(isThere, 30_000).then(() => process.kill(pid, "SIGKILL"));
			},
		});
		await waitUntil(() => !isAlive(Number(readFileSync(join(cwd, "pids"), "utf8"))));
	});

	test("with a second Ctrl-C ends it immediately", async () => {
		const cwd = tempTree({
			"my.eval.yaml": many(2),
			"targets.yaml": cliTarget("trap '' TERM; echo $$ > pids; while :; do sleep 1; done"),
		});
		const running = agentv(["eval", "my.eval.yaml", "--workers", "1"], {
			cwd,
			onStart: (pid) => {
				void waitUntil(() => readFileSync(join(cwd, "pids"), "utf8") !== "").then(() => {
					process.kill(pid, "SIGINT");
					setTimeout(() => process.kill(pid, "SIGINT"), 150);
				});
			},
		});
		const started = performance.now();
		expect((await running).exitCode).toBe(130);
		expect(performance.now() - started).toBeLessThan(8000);
		await waitUntil(() => !isAlive(Number(readFileSync(join(cwd, "pids"), "utf8"))));
	});
});

test("concurrent runs in one directory have separate results", async () => {
	const cwd = tempTree({ "my.eval.yaml": many(12), "targets.yaml": cliTarget("printf %s {PROMPT}") });
	const sessions = await Promise.all([1, 2, 3].map(() => agentv(["eval", "my.eval.yaml", "--json"], { cwd })));
	const directories = sessions.map(({ stdout }) => JSON.parse(stdout).run_dir as string);
	expect(new Set(directories).size).toBe(3);
	for (const directory of directories) expect(results(directory)).toHaveLength(12);
});

test("a full disk stops the run, which can be resumed later", async () => {
	const cwd = tempTree({
		"my.eval.yaml": many(60),
		"targets.yaml": "targets:\n  - {name: default, provider: mock, response: '1 2 4'}\n",
	});
	// A limit of 8 KB per file ends the index in the middle of a row.
	const words = [process.execPath, agentvBin(), "eval", "my.eval.yaml", "--output", "out"];
	const limited = spawnSync("sh", ["-c", `ulimit -f 16; exec "$@"`, "sh", ...words], {
		cwd,
		encoding: "utf8",
		env: { PATH: process.env["PATH"], HOME: cwd, AGENTV_HOME: join(cwd, ".home") },
	});
	expect(limited.status).toBe(4);
	expect(limited.stderr).toMatch(/the result of "t\d+" could not be recorded: .*index\.jsonl/);
	expect(limited.stderr).toContain("continue with --resume");
	const resumed = await agentv(["eval", "run", "--resume", "--run", "out"], { cwd });
	expect(resumed).toMatchObject({ exitCode: 1, stderr: "" });
	expect(results(join(cwd, "out"))).toHaveLength(60);
});

test("a grader that crashes or hangs causes an execution error only in its test", async () => {
	const cwd = tempTree({
		"my.eval.yaml": `tests:
  - {id: crash, input: hi, assertions: [{type: code-grader, command: [node, -e, "process.abort()"]}]}
  - {id: hang, input: hi, assertions: [{type: code-grader, command: [sleep, "60"], timeout_seconds: 0.5}]}
  - {id: regex, input: hi, assertions: [{type: regex, value: "^(a+)+$"}]}
  - {id: fine, input: hi, assertions: [{type: contains, value: a}]}
`,
		"targets.yaml": `targets:\n  - {name: default, provider: mock, response: ${"a".repeat(40)}b}\n`,
	});
	const { stdout, exitCode } = await agentv(["eval", "my.eval.yaml", "--reporter", "json"], { cwd });
	expect(exitCode).toBe(4);
	const rows = (JSON.parse(stdout).results as (Row & { error?: { code: string } })[]).map((row) => [
		row.test_id,
		row.error?.code,
	]);
	expect(Object.fromEntries(rows)).toEqual({ crash: "signal", hang: "timeout", regex: "timeout", fine: undefined });
});
