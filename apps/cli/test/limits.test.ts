import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { agentv, agentvBin, gitRepository, tempTree, waitUntil } from "@agentv/test-support";
import { describe, expect, onTestFinished, test } from "vitest";

const targets = "targets:\n  - { name: default, provider: mock, response: hi }\n";
const sound = "tests:\n  - { id: a, input: hi, assertions: [{ type: contains, value: hi }] }\n";

/** Every command starts a process, so the default is a part of the inputs. */
const isFull = process.env["AGENTV_TEST_ROUNDS"] === "full";

/** A generous limit in milliseconds, above which a command counts as hanging. */
const hangs = 20_000;

async function validateAndRun(cwd: string) {
	const validated = await agentv(["eval", "validate", "my.eval.yaml"], { cwd });
	const run = await agentv(["eval", "run", "my.eval.yaml", "--output", "out"], { cwd });
	return { validated, run };
}

/** Returns an eval with the path in a field, by field. */
const fields: Readonly<Record<string, (path: string) => string>> = {
	tests: (path) => `tests: ${path}\n`,
	"a list of tests": (path) => `tests: ["${path}"]\n`,
	input_files: (path) => sound.replace("input: hi", `input: hi, input_files: [${path}]`),
	"a file in input": (path) =>
		sound.replace("input: hi", `input: [{ role: user, content: [{ type: file, value: ${path} }] }]`),
	"a judge's prompt": (path) => sound.replace("type: contains, value: hi", `type: llm-grader, prompt: ${path}`),
	"a grader's script": (path) =>
		sound.replace("type: contains, value: hi", `type: code-grader, command: [node, ${path}]`),
	"a workspace": (path) => `workspace: ${path}\n${sound}`,
	"a template": (path) => `workspace: { template: ${path} }\n${sound}`,
	"an extension": (path) => `extensions: ["file://${path}:beforeAll"]\n${sound}`,
	"a hook's script": (path) => `hooks: { before_all: { command: [node, ${path}] } }\n${sound}`,
};

test.for(Object.keys(fields))("%s: only regular files are opened", { timeout: 60_000 }, async (field) => {
	const cwd = tempTree({ "targets.yaml": targets });
	gitRepository(cwd, {});
	execFileSync("mkfifo", [join(cwd, "fifo")]);
	const socket = createServer().listen(join(cwd, "socket"));
	onTestFinished(async () => void (await new Promise((closed) => socket.close(closed))));
	// Programs receive outside paths unchanged; a judge's prompt may be text that looks like a path.
	const isPassedOn = field.endsWith("script") || field === "a judge's prompt";
	const paths = ["./fifo", "./socket", ...(isPassedOn ? [] : ["/proc/kmsg"])];
	for (const path of isFull ? paths : paths.slice(0, 1)) {
		execFileSync("sh", ["-c", 'printf %s "$0" > my.eval.yaml', fields[field]?.(path) ?? ""], { cwd });
		const { validated, run } = await validateAndRun(cwd);
		expect([path, validated.exitCode, run.exitCode]).toEqual([path, 1, 2]);
		expect(validated.stdout + validated.stderr).toMatch(/my\.eval\.yaml:\d+:\d+ +error/);
	}
});

test.each(["a pipe", "a link that leaves it"])("a template with %s is refused before anything runs", async (what) => {
	const cwd = tempTree({
		"targets.yaml": targets,
		"my.eval.yaml": `workspace: { template: ./template }\n${sound}`,
		"template/a.txt": "a",
	});
	gitRepository(cwd, {});
	const path = join(cwd, "template/odd");
	if (what === "a pipe") execFileSync("mkfifo", [path]);
	else symlinkSync("/etc/hosts", path);
	const { validated, run } = await validateAndRun(cwd);
	const dryRun = await agentv(["eval", "run", "my.eval.yaml", "--dry-run"], { cwd });
	expect([validated.exitCode, run.exitCode, dryRun.exitCode]).toEqual([1, 2, 2]);
	for (const { stdout, stderr } of [validated, run, dryRun])
		expect(stdout + stderr).toMatch(/my\.eval\.yaml:1:\d+ +error .*odd/s);
});

test("patterns with many stars don't block a command", { timeout: 60_000 }, async () => {
	const stars = `${"*a".repeat(30)}b`;
	const cwd = tempTree({
		"targets.yaml": targets,
		[`${"a".repeat(240)}.jsonl`]: '{"id":"x","input":"hi","criteria":"y"}\n',
		"my.eval.yaml": `tests: ./${stars}.jsonl\nbundle: { include: ["${stars}"], exclude: ["${stars}"] }\n`,
		"ids.eval.yaml": sound.replace("id: a", `id: ${"a".repeat(2000)}`),
	});
	for (const args of [
		["eval", "validate", "my.eval.yaml"],
		["eval", "run", "my.eval.yaml"],
		["bundle", "my.eval.yaml", "--output", "bundled"],
		["eval", "validate", stars],
		["eval", "run", "ids.eval.yaml", "--test", stars],
	]) {
		const { exitCode } = await agentv(args, { cwd, signal: AbortSignal.timeout(hangs) });
		expect([args, [1, 2].includes(exitCode ?? 0)]).toEqual([args, true]);
	}
	const refused = await agentv(["eval", "validate", "my.eval.yaml"], {
		cwd: tempTree({ "my.eval.yaml": `tests: ./${"*a".repeat(600)}\n` }),
	});
	expect(refused.stdout).toMatch(/my\.eval\.yaml:1:8 +error +tests: the pattern has 12\d\d characters, more than 1000/);
});

test.for(["constructor", "__proto__", ...(isFull ? ["toString", "hasOwnProperty", "valueOf"] : [])])(
	"%s is an unknown grader and an unknown provider",
	async (name) => {
		const cwd = tempTree({
			"targets.yaml": `targets:\n  - { name: default, provider: ${name} }\n`,
			"my.eval.yaml": sound.replace("type: contains", `type: ${name}`),
			"other.eval.yaml": sound,
		});
		const { validated, run } = await validateAndRun(cwd);
		expect([validated.exitCode, run.exitCode]).toEqual([1, 2]);
		expect(validated.stdout).toContain(`"${name}"`);
		const other = await agentv(["eval", "run", "other.eval.yaml"], { cwd });
		expect(other).toMatchObject({ exitCode: 2 });
		expect(other.stderr).toMatch(/targets\.yaml:2:\d+/);
	},
);

test.for([
	["repeat: 10001", /repeat/],
	["repeat: { count: 20000 }", /repeat/],
	["timeout_seconds: 1e308", /timeout_seconds/],
	["timeout_seconds: 1e400", /timeout_seconds/],
	["budget_usd: -1", /budget_usd/],
	["workers: .nan", /workers/],
	["threshold: .inf", /threshold/],
] as const)("%s is refused with its location", async ([field, name]) => {
	const cwd = tempTree({ "targets.yaml": targets, "my.eval.yaml": `${field}\n${sound}` });
	const { validated, run } = await validateAndRun(cwd);
	expect([validated.exitCode, run.exitCode]).toEqual([1, 2]);
	expect(validated.stdout).toMatch(/my\.eval\.yaml:1:\d+ +error/);
	expect(validated.stdout).toMatch(name);
});

describe("exhausted resources:", () => {
	async function inShell(line: string, env: Record<string, string> = {}) {
		const cwd = tempTree({ "targets.yaml": targets, "my.eval.yaml": sound });
		const command = `${process.execPath} ${agentvBin()}`;
		return new Promise<{ exitCode: unknown; stdout: string; stderr: string }>((resolve) => {
			execFile(
				"bash",
				["-c", line.replaceAll("agentv", command)],
				{ cwd, env: { PATH: process.env["PATH"], HOME: cwd, ...env }, timeout: hangs, killSignal: "SIGKILL" },
				(error, stdout, stderr) => resolve({ exitCode: error ? error.code : 0, stdout, stderr }),
			);
		});
	}

	test.for(["--version", "--help", "schema eval", "eval validate my.eval.yaml", "eval run my.eval.yaml", "doctor"])(
		"full stdout: agentv %s exits with 4",
		async (args) => {
			const said = await inShell(`agentv ${args} > /dev/full`);
			expect(said.exitCode).toBe(4);
			expect(said.stderr).toContain("stdout could not be written (ENOSPC)");
			expect(said.stderr).not.toMatch(/^\s+at /m);
			expect((await inShell(`agentv ${args} > /dev/full 2>&1`)).exitCode).toBe(4);
		},
	);

	test("an uncaught error is reported with a hint, without secrets and control characters", async () => {
		const key = `ghp_${"a1B2".repeat(9)}`;
		const thrown = `Object.assign(new Error("no \\u001b[2J ${key} planted-env"), { code: process.env.CODE })`;
		const fault = `const timer = setInterval(() => { if (!process.getActiveResourcesInfo().includes("TCPServerWrap")) return; clearInterval(timer); throw ${thrown}; }, 20);`;
		const line = `echo '${fault}' > fault.mjs; NODE_OPTIONS="--import $PWD/fault.mjs" agentv --debug studio --no-open --port 0 > /dev/null`;
		const said = await Promise.all(
			["ENOSPC", "EDQUOT", "EWHAT"].map((CODE) => inShell(line, { CODE, MY_TOKEN: "planted-env" })),
		);
		expect(said.map(({ exitCode }) => exitCode)).toEqual([4, 4, 3]);
		for (const { stderr } of said) expect(stderr).not.toMatch(new RegExp(`${key}|planted-env|\\u001b`));
		expect(said[0]?.stderr).toContain("hint: Free some disk space");
		expect(said[1]?.stderr).toContain("the disk quota is exhausted");
		expect(said[2]?.stderr).toMatch(/internal error: no .*\*\*\*/);
	});

	test("a closed pipe is not an error", async () => {
		expect(await inShell("set -o pipefail; agentv schema eval | head -1")).toMatchObject({ exitCode: 0, stderr: "" });
	});

	test.for([64, 40, 26])("with at most %i open files, a run passes or reports the limit", async (limit) => {
		const said = await inShell(`ulimit -n ${limit}; agentv eval run my.eval.yaml`);
		expect([0, 4]).toContain(said.exitCode);
		if (said.exitCode === 4) expect(said.stderr).toMatch(/EMFILE[\s\S]*hint:/);
	});

	test.for(["my.eval.yaml", "my.eval.yaml/below", "/proc", "/proc/x/y", "/sys/x", "/dev/null", "/dev/null/x"])(
		"an unusable home directory is reported: %s",
		{ timeout: 60_000 },
		async (home) => {
			const commands = [
				"eval run my.eval.yaml",
				"eval validate my.eval.yaml",
				"benchmark list",
				"results list",
				"cache prune",
				"studio --port 0",
			];
			const start = home.length % commands.length;
			const chosen = isFull ? commands : [...commands, ...commands].slice(start, start + 2);
			for (const args of chosen) {
				const said = await inShell(`agentv ${args}`, { AGENTV_HOME: home });
				expect([args, said.exitCode]).toEqual([args, 2]);
				expect(said.stderr).toMatch(/^error: .*\nhint: .*\n$/);
			}
			expect(await inShell("agentv eval run my.eval.yaml", { HOME: home })).toMatchObject({ exitCode: 2 });
		},
	);

	test("a missing HOME is not an error", async () => {
		expect(await inShell("unset HOME; AGENTV_HOME=$PWD/home agentv eval run my.eval.yaml")).toMatchObject({
			exitCode: 0,
		});
	});
});

test("two Ctrl-C end a run whose extension never ends", { timeout: 30_000 }, async () => {
	const cwd = tempTree({
		"targets.yaml": targets,
		"ext.mjs":
			"import { writeFileSync } from 'node:fs'; process.on('SIGTERM', () => {}); export const beforeAll = () => { writeFileSync(new URL('began', import.meta.url), ''); for (;;); };",
		"my.eval.yaml": `extensions: ["file://ext.mjs:beforeAll"]\n${sound}`,
	});
	const env = { PATH: process.env["PATH"], HOME: cwd, AGENTV_HOME: join(cwd, "home") };
	const child = spawn(process.execPath, [agentvBin(), "eval", "run", "my.eval.yaml"], { cwd, env, stdio: "ignore" });
	await waitUntil(() => existsSync(join(cwd, "began")), hangs);
	child.kill("SIGINT");
	await new Promise((resolve) => setTimeout(resolve, 200));
	child.kill("SIGINT");
	const [code] = (await once(child, "exit", { signal: AbortSignal.timeout(hangs) })) as [number | null];
	expect(code).toBe(130);
});
