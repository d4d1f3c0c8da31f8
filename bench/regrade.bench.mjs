// Compares regrading 1,000 recorded answers with the original run, by programs and by text graders.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pairs, report } from "./pairs.mjs";

const agentv = resolve(import.meta.dirname, "../apps/cli/dist/bin.js");
const home = mkdtempSync(join(tmpdir(), "agentv-bench-regrade-"));
const env = { ...process.env, AGENTV_HOME: join(home, "home") };
const count = 1000;
const program = `      - { type: code-grader, command: [sh, -c, 'cat >/dev/null; echo "{\\"score\\": 1}"'] }\n`;

function suite(name, graders) {
	const directory = join(home, name);
	mkdirSync(directory);
	const test = (index) =>
		`  - id: test-${index}\n    input: "What is ${index} plus one?"\n    assertions:\n      - { type: contains, value: answer }\n${graders}`;
	const tests = Array.from({ length: count }, (_, index) => test(index)).join("");
	writeFileSync(join(directory, "bench.eval.yaml"), `name: bench\ntests:\n${tests}`);
	const target = "targets:\n  - { name: default, provider: mock, response: the answer is 42 }\n";
	writeFileSync(join(directory, "targets.yaml"), target);
	return directory;
}

const rounds = 5;
let outputs = 0;
const command = (...args) => [process.execPath, agentv, ...args, "--json", "--output", `out-${++outputs}`];

/** Throws if the scores differ from those of `origin`. */
function ran(args, cwd) {
	const result = spawnSync(args[0], args.slice(1), { cwd, env, encoding: "utf8", maxBuffer: 2 ** 28 });
	if (result.status !== 0)
		throw new Error(`${args.join(" ")}: exit ${result.status}\n${result.stdout}${result.stderr}`);
	return JSON.parse(result.stdout).run_dir;
}

function scoresOf(run) {
	const rows = readFileSync(join(run, "index.jsonl"), "utf8").trimEnd().split("\n");
	return rows
		.map((line) => JSON.parse(line))
		.map((row) => `${row.test_id} ${row.score}`)
		.sort()
		.join("\n");
}

try {
	for (const [name, graders] of [
		["by programs", program],
		["by text graders", ""],
	]) {
		const cwd = suite(name.replaceAll(" ", "-"), graders);
		const origin = ran(command("eval", "run", "bench.eval.yaml"), cwd);
		const again = ran(command("results", "regrade", origin), cwd);
		if (scoresOf(again) !== scoresOf(origin)) throw new Error(`${name}: other scores than the original run`);
		const run = () => ran(command("eval", "run", "bench.eval.yaml"), cwd);
		const regrade = () => ran(command("results", "regrade", origin), cwd);
		report(
			`regrading ${count} answers ${name} against the run itself`,
			await pairs(run, regrade, { rounds, warmUps: 1 }),
			1.1,
		);
	}
} finally {
	rmSync(home, { recursive: true, force: true });
}
