import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { agentv, agentvBin, tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";

/** Far below the time for reading such a file. */
const soon = { timeout: 30_000 };
const sound = (head: string) =>
	`${head}tests:\n  - { id: a, input: hi, assertions: [{ type: contains, value: hi }] }\n`;

/** Creates a sparse file. */
function hole(path: string, gigabytes: number): void {
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, "");
	truncateSync(path, gigabytes * 1024 ** 3);
}

function tree(files: Readonly<Record<string, string>>): string {
	const targets = "targets: [{ name: default, provider: mock, response: hi }]\n";
	return tempTree({ "e/targets.yaml": targets, ...files }, { isOnDisk: true });
}

test(
	"an attempt is not graded if the agent leaves a huge file in its workspace, and other attempts continue",
	soon,
	async () => {
		const cwd = tree({
			"e/my.eval.yaml": `workspace: { template: ./t }
tests:
  - { id: a, input: hi, assertions: [{ type: contains, value: hi }] }
  - { id: b, input: hi, assertions: [{ type: contains, value: hi }] }
`,
			"e/t/agent.mjs": `import { truncateSync, writeFileSync } from "node:fs";
if (process.argv[2] === "a") { writeFileSync("huge.bin", ""); truncateSync("huge.bin", 200 * 1024 ** 3); }
console.log("hi");
`,
			"e/targets.yaml": 'targets: [{ name: default, provider: cli, command: [node, ./agent.mjs, "{EVAL_ID}"] }]\n',
		});
		const run = await agentv(["eval", "run", "e/my.eval.yaml", "--output", "r"], { cwd });
		const rows = readFileSync(join(cwd, "r/index.jsonl"), "utf8")
			.trim()
			.split("\n")
			.map((line) => JSON.parse(line));
		const [a, b] = ["a", "b"].map((id) => rows.find(({ test_id }) => test_id === id));
		expect(a, run.stderr).toMatchObject({
			execution_status: "execution_error",
			error: { code: "too-large", caused_by: "agent" },
		});
		expect(a.error.message).toContain("huge.bin with 214748364800 bytes");
		expect(b).toMatchObject({ execution_status: "ok", score: 1 });
	},
);

test.each([
	["a template", "workspace: { template: ./t }\n", "t/inner/huge.bin"],
	[
		"a skill",
		'extensions: [{ id: "agentv:agent-rules", skills: ./t }]\nworkspace: { template: ./w }\n',
		"t/inner/huge.bin",
	],
])("a huge file in %s is refused", { timeout: 60_000 }, async (_, head, path) => {
	const cwd = tree({ "e/my.eval.yaml": sound(head), "e/t/a.md": "x", "e/w/b.txt": "x" });
	hole(join(cwd, "e", path), 200);
	expect((await agentv(["eval", "validate", "e/my.eval.yaml"], { cwd })).exitCode).toBeLessThan(2);
	for (const command of [
		["eval", "run", "e/my.eval.yaml", "--output", "r"],
		["bundle", "e/my.eval.yaml", "--output", "b"],
	]) {
		const { stdout, stderr, exitCode } = await agentv(command, { cwd });
		expect(exitCode, stdout + stderr).toBeGreaterThan(0);
		expect(stdout + stderr).toMatch(/the largest is .*huge\.bin with 214748364800 bytes/);
	}
});

test("a huge input file is reported before the first test", soon, async () => {
	const cwd = tree({ "e/my.eval.yaml": sound("input_files: [./in.bin]\n") });
	hole(join(cwd, "e/in.bin"), 3);
	for (const command of ["validate", "run"]) {
		const { stdout, stderr, exitCode } = await agentv(["eval", command, "e/my.eval.yaml"], { cwd });
		expect(exitCode).toBeGreaterThan(0);
		expect(stdout + stderr).toContain("3221225472 bytes, more than the 536870912");
	}
});

test("Ctrl-C stops copying a large template", { timeout: 60_000 }, async () => {
	const cwd = tree({ "e/my.eval.yaml": sound("workspace: { template: ./t }\n"), "e/t/a.txt": "x" });
	hole(join(cwd, "e/t/large.bin"), 12);
	const run = spawn(process.execPath, [agentvBin(), "eval", "run", "e/my.eval.yaml", "--output", "r"], {
		cwd,
		env: { PATH: process.env["PATH"], HOME: cwd, AGENTV_HOME: join(cwd, ".home") },
		stdio: "ignore",
	});
	await new Promise((resolve) => setTimeout(resolve, 2500));
	const since = performance.now();
	run.kill("SIGINT");
	const [exitCode] = await once(run, "close");
	expect(exitCode).toBe(130);
	expect(performance.now() - since).toBeLessThan(5000);
});
