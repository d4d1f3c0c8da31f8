// Compares comparing and exporting two runs of 100,000 rows with only reading and parsing them.
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pairs, report } from "./pairs.mjs";

const agentv = resolve(import.meta.dirname, "../apps/cli/dist/bin.js");
const peakMemory = resolve(import.meta.dirname, "peak-memory.cjs");
const place = mkdtempSync(join(tmpdir(), "agentv-bench-"));
const [rows, limit, maxMb] = [100_000, 5, 1024];
/** The other attempts have no file. */
const withFiles = 10_000;
const label = "evals/large.eval.yaml";

const readLines = `
import { StringDecoder } from "node:string_decoder";
import { openSync, readSync } from "node:fs";
for (const file of process.argv.slice(1)) {
	const descriptor = openSync(file);
	const buffer = Buffer.allocUnsafe(1024 * 1024);
	const decoder = new StringDecoder();
	let rest = "";
	for (let length = readSync(descriptor, buffer); length > 0; length = readSync(descriptor, buffer)) {
		const lines = (rest + decoder.write(buffer.subarray(0, length))).split("\\n");
		rest = lines.pop();
		for (const line of lines) JSON.parse(line);
	}
}`;

function makeRun(name, passesOf) {
	const directory = join(place, name);
	mkdirSync(directory);
	const file = openSync(join(directory, "index.jsonl"), "w");
	for (let from = 0; from < rows; from += 1000)
		writeSync(file, Array.from({ length: 1000 }, (_, index) => rowText(from + index, passesOf(from + index))).join(""));
	closeSync(file);
	for (let index = 0; index < withFiles; index++) writeAttempt(directory, index);
	const passed = Array.from({ length: rows }, (_, index) => passesOf(index)).filter(Boolean).length;
	writeFileSync(join(directory, "run.json"), JSON.stringify(runFile(name)));
	const summary = { planned: rows, passed, failed: rows - passed, errors: 0, mean_score: 0.8, duration_ms: 1000 };
	writeFileSync(join(directory, "summary.json"), JSON.stringify({ ...summary, token_usage: null, cost_usd: null }));
	return directory;
}

function writeAttempt(directory, index) {
	const file = join(directory, attemptFile(index));
	mkdirSync(dirname(file), { recursive: true });
	const input = [{ role: "user", content: `Question ${index}: ${"what is it? ".repeat(80)}` }];
	const output = `It is ${"an answer of some length. ".repeat(40)}`;
	const wire = { ...JSON.parse(rowText(index, true)), input, output, messages: [], expected_output: "forty two" };
	writeFileSync(file, JSON.stringify(wire));
}

function attemptFile(index) {
	return `tests/case-${index}-0123456789abcdef/1.json`;
}

function runFile(name) {
	return {
		...{
			format_version: 1,
			run_id: name,
			experiment: name,
			started_at: "2026-01-01T00:00:00Z",
			agentv_version: "0.1.0",
		},
		...{ node_version: process.version, flags: {} },
		evals: [{ file: label, path: join(place, label), name: "large", digest: "0".repeat(64) }],
		targets: [{ name: "default", provider: "mock", settings: {}, via: ["default"] }],
		planned: Array.from({ length: rows }, (_, index) => [0, `case-${index}`, "default"]),
	};
}

/** Returns 1 KB, with two graders and five findings. */
function rowText(index, passes) {
	const verdict = passes ? "pass" : "fail";
	const evidence = passes ? {} : { evidence: `it is "an answer of some length without a match, number ${index}"` };
	const assertions = ["alpha", "beta", "gamma", "delta"].map((word, at) => ({
		text: `the answer contains "${word}"`,
		passed: passes || at < 2,
	}));
	const row = {
		...{ timestamp: "2026-01-01T00:00:00.000Z", test_id: `case-${index}`, eval: label, target: "default", attempt: 1 },
		...{ score: passes ? 1 : 0.5, threshold: 0.8, execution_status: passes ? "ok" : "quality_failure" },
		scores: [
			{
				...{ name: "exact", type: "equals", score: passes ? 1 : 0, weight: 1, verdict },
				assertions: [{ text: `the answer equals "forty two, number ${index}"`, passed: passes, ...evidence }],
			},
			{ name: "mentions", type: "contains-all", score: passes ? 1 : 0.5, weight: 1, verdict, assertions },
		],
		...{ duration_ms: 100 + (index % 900), token_usage: { input: 300, output: 50 }, cost_usd: 0.001 },
		metadata: { topic: "billing", tags: ["a", "b"] },
		fingerprint: {
			...{ test: String(index).padStart(32, "0"), graders: String(index % 50).padStart(32, "a") },
			...{ workspace: "b".repeat(32), hooks: "c".repeat(32), target: "d".repeat(32) },
		},
		file: attemptFile(index),
	};
	return `${JSON.stringify(row)}\n`;
}

function peakMb(args) {
	const { stderr, status } = spawnSync(process.execPath, ["--require", peakMemory, agentv, ...args], {
		cwd: place,
		stdio: ["ignore", "ignore", "pipe"],
		encoding: "utf8",
	});
	if (status !== 0) throw new Error(`${args.join(" ")}: exit ${status}\n${stderr}`);
	return Number(/PEAK (\d+)/.exec(stderr)?.[1]) / 1024;
}

async function measure(name, args, runs) {
	const files = runs.map((run) => join(run, "index.jsonl"));
	const floor = { command: [process.execPath, "--input-type=module", "--eval", readLines, ...files], cwd: place };
	const subject = { command: [process.execPath, agentv, ...args], cwd: place, stdout: "ignore" };
	report(name, await pairs(floor, subject, { rounds: 7, warmUps: 1 }), limit);
	const peak = peakMb(args);
	if (peak > maxMb) process.exitCode = 1;
	console.log(`  at most ${peak.toFixed(0)} MB  (limit ${maxMb} MB: ${peak <= maxMb ? "kept" : "EXCEEDED"})`);
}

try {
	const before = makeRun("before", (index) => index % 10 < 8);
	const after = makeRun("after", (index) => (index * 7) % 10 < 7);
	for (const more of [[], ["--json"]])
		await measure(
			`compare ${rows} rows ${more}`.trim(),
			["results", "compare", before, after, ...more],
			[before, after],
		);
	for (const format of ["junit", "json", "jsonl", "html", "markdown"])
		await measure(`export ${rows} rows as ${format}`, ["results", "export", before, "--format", format], [before]);
} finally {
	rmSync(place, { recursive: true, force: true });
}
