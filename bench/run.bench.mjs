// Measures a run's overhead: a mock target against parsing the same file, programs against spawns.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { median, pairs, report } from "./pairs.mjs";

const agentv = resolve(import.meta.dirname, "../apps/cli/dist/bin.js");
const yaml = resolve(import.meta.dirname, "../packages/core/node_modules/yaml/dist/index.js");
const home = mkdtempSync(join(tmpdir(), "agentv-bench-run-"));
const env = { ...process.env, AGENTV_HOME: join(home, "home") };
const rounds = 5;

function keeps(name, value, limit, unit, isLeast = false) {
	const isWithin = isLeast ? value >= limit : value <= limit;
	console.log(
		`${name}: ${value.toFixed(value < 10 ? 2 : 0)} ${unit}  (limit ${limit}: ${isWithin ? "kept" : "EXCEEDED"})`,
	);
	if (!isWithin) process.exitCode = 1;
}

/** Takes each test from `test(index)`. */
function suite(name, count, test, targets) {
	const directory = join(home, name);
	mkdirSync(directory);
	const tests = Array.from({ length: count }, (_, index) => test(index)).join("");
	writeFileSync(join(directory, "bench.eval.yaml"), `name: bench\ntests:\n${tests}`);
	writeFileSync(join(directory, "targets.yaml"), targets);
	return directory;
}

/** Returns ms and MB. */
function measured(command, cwd) {
	const started = performance.now();
	const peak = join(import.meta.dirname, "peak-memory.cjs");
	const result = spawnSync(process.execPath, ["--require", peak, ...command], {
		cwd,
		env,
		encoding: "utf8",
		maxBuffer: 2 ** 28,
	});
	const megabytes = Number(/PEAK (\d+)/.exec(result.stderr)?.[1]) / 1024;
	if (result.status !== 0)
		throw new Error(`${command.join(" ")}: exit ${result.status}\n${result.stdout}\n${result.stderr}`);
	return { ms: performance.now() - started, megabytes, stdout: result.stdout };
}

function mockTarget() {
	const count = 10_000;
	const test = (index) =>
		`  - id: test-${index}\n    input: "What is ${index} plus one? Answer with the number."\n    expected_output: "${index + 1}"\n    metadata: { group: g${index % 10} }\n    assertions:\n      - { type: contains, value: answer }\n`;
	const directory = suite(
		"mock",
		count,
		test,
		"targets:\n  - { name: default, provider: mock, response: the answer is 42 }\n",
	);
	const parse = `require(${JSON.stringify(yaml)}).parse(require("node:fs").readFileSync("bench.eval.yaml", "utf8"))`;
	const runs = [];
	const parses = [];
	for (let round = 0; round < rounds; round++) {
		parses.push(measured(["-e", parse], directory));
		runs.push(measured([agentv, "eval", "run", "bench.eval.yaml", "--json", "--output", `out-${round}`], directory));
	}
	const ran = median(runs.map(({ stdout }) => JSON.parse(stdout).summary.duration_ms));
	const whole = median(runs.map(({ ms }) => ms));
	keeps("mock target, 10,000 tests with full records, the run itself", count / (ran / 1000), 3000, "tests/s", true);
	console.log(`  the whole command, start and loading included: ${(count / (whole / 1000)).toFixed(0)} tests/s`);
	const memory = median(runs.map(({ megabytes }) => megabytes));
	const parseMemory = median(parses.map(({ megabytes }) => megabytes));
	console.log(`  peak memory ${memory.toFixed(0)} MB, a mere parse ${parseMemory.toFixed(0)} MB`);
	keeps("  peak memory against a mere parse", memory / parseMemory, 1.5, "×");
}

/** Uses the same concurrency. */
async function bareSpawns(count, workers) {
	let next = 0;
	const worker = async () => {
		while (next++ < count) {
			await new Promise((done, failed) => {
				const child = spawn("/bin/echo", ["the answer"], { stdio: ["ignore", "pipe", "pipe"] });
				child.stdout.resume();
				child.stderr.resume();
				child.on("error", failed);
				child.on("close", done);
			});
		}
	};
	await Promise.all(Array.from({ length: workers }, worker));
}

async function cliTarget() {
	const count = 1000;
	const test = (index) =>
		`  - { id: test-${index}, input: "${index}", assertions: [{ type: contains, value: answer }] }\n`;
	const directory = suite(
		"cli",
		count,
		test,
		"targets:\n  - { name: default, provider: cli, command: [/bin/echo, the answer] }\n",
	);
	let round = 0;
	for (const workers of [2, 8]) {
		const subject = () => {
			round += 1;
			measured(
				[agentv, "eval", "run", "bench.eval.yaml", "--json", "--workers", String(workers), "--output", `out-${round}`],
				directory,
			);
		};
		const times = await pairs(() => bareSpawns(count, workers), subject, { rounds, warmUps: 1 });
		report(`cli target, 1,000 tests, ${workers} workers, against bare spawns`, times, 2.6);
	}
}

function hugeAnswer() {
	const test = (size) => () =>
		`  - { id: huge, input: hi, assertions: [{ type: starts-with, value: x }] }\n# ${size}\n`;
	const memory = (name, size) => {
		const command = `head -c ${size} /dev/zero | tr '\\0' x`;
		const directory = suite(
			name,
			1,
			test(size),
			`targets:\n  - { name: default, provider: cli, command: ${JSON.stringify(command)} }\n`,
		);
		return median(
			Array.from(
				{ length: 3 },
				(_, round) =>
					measured([agentv, "eval", "run", "bench.eval.yaml", "--json", "--output", `out-${round}`], directory)
						.megabytes,
			),
		);
	};
	keeps(
		"an answer of 20 MB, memory beyond that of a short one",
		memory("huge", 20_000_000) - memory("short", 20),
		100,
		"MB",
	);
}

try {
	mockTarget();
	await cliTarget();
	hugeAnswer();
} finally {
	rmSync(home, { recursive: true, force: true });
}
