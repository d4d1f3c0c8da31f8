// Measures each list route (200 benchmarks, 2,000 evals, 1,000 runs of 100 rows; pages of 50,
// warm), and the memory after 3,600 requests to each.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { median } from "./pairs.mjs";

const agentv = resolve(import.meta.dirname, "../apps/cli/dist/bin.js");
const root = mkdtempSync(join(tmpdir(), "agentv-bench-"));
const limits = { ms: 150, mb: 300 };
const requests = 3600;
const headers = {};

function write(path, text) {
	mkdirSync(dirname(join(root, path)), { recursive: true });
	writeFileSync(join(root, path), text);
}

function benchmarks(count, evals) {
	const entries = Array.from({ length: count }, (_, b) => {
		const source = b % 2 === 0 ? `, source: {url: "https://git.example/team/b${b}.git", ref: main}` : "";
		return `  - {id: b${b}, name: Benchmark ${b}, path: clones/b${b}${source}}\n`;
	});
	write("home/benchmarks.yaml", `benchmarks:\n${entries.join("")}`);
	for (let b = 0; b < count; b++) {
		write(`home/clones/b${b}/targets.yaml`, "targets:\n  - {name: quick, provider: mock, response: hi}\n");
		for (let e = 0; e < evals; e++) write(`home/clones/b${b}/evals/e${e}/e${e}.eval.yaml`, evalText(e));
		const state = { status: "succeeded", started_at: "2026-01-01T00:00:00Z", finished_at: "2026-01-01T00:00:09Z" };
		write(
			`home/state/benchmarks/b${b}.json`,
			JSON.stringify({ ...state, from: null, to: "0".repeat(40), message: "" }),
		);
	}
	for (let e = 0; e < 100; e++) write(`cwd/evals/own${e}.eval.yaml`, evalText(e));
}

function evalText(number) {
	const tests = Array.from({ length: 20 }, (_, t) => `  - {id: t${t}, input: "question ${t}", expected_output: hi}\n`);
	return `name: e${number}\ntarget: quick\ntests:\n${tests.join("")}`;
}

function runs(count, rows) {
	for (let r = 0; r < count; r++) {
		const started = new Date(Date.UTC(2026, 0, 1) + r * 3_600_000).toISOString();
		const directory = `cwd/.agentv/results/runs/exp${r % 5}/${started.replace(/\.\d+Z/, "Z").replaceAll(":", "-")}`;
		const label = `evals/own${r % 100}.eval.yaml`;
		const target = r % 2 === 0 ? "quick" : "other";
		write(`${directory}/run.json`, JSON.stringify(runFile(r, started, label, target, rows)));
		const lines = Array.from({ length: rows }, (_, t) => JSON.stringify(row(t, started, label, target)));
		write(`${directory}/index.jsonl`, `${lines.join("\n")}\n`);
		const passed = Math.ceil(rows * 0.8);
		const sums = { planned: rows, passed, failed: rows - passed, errors: 0, mean_score: 0.8, duration_ms: 1000 };
		write(`${directory}/summary.json`, JSON.stringify({ ...sums, token_usage: null, cost_usd: null }));
	}
}

function runFile(number, started, label, target, rows) {
	return {
		format_version: 1,
		run_id: `run-${number}`,
		experiment: `exp${number % 5}`,
		started_at: started,
		agentv_version: "0.1.0",
		node_version: process.version,
		evals: [{ file: label, path: join(root, "cwd", label), name: `e${number % 100}`, digest: "0".repeat(64) }],
		targets: [{ name: target, provider: "mock", settings: {}, via: [target] }],
		flags: {},
		planned: Array.from({ length: rows }, (_, t) => [0, `t${t}`, target]),
	};
}

function row(number, timestamp, label, target) {
	const passed = number % 5 !== 0;
	return {
		timestamp,
		test_id: `t${number}`,
		eval: label,
		target,
		attempt: 1,
		score: passed ? 1 : 0,
		threshold: 0.8,
		execution_status: passed ? "ok" : "quality_failure",
		scores: [
			{
				name: "equals",
				type: "equals",
				score: passed ? 1 : 0,
				weight: 1,
				verdict: passed ? "pass" : "fail",
				assertions: [],
			},
		],
		duration_ms: 12 + number,
		metadata: {},
		file: `tests/t${number}/1.json`,
	};
}

function studio() {
	const env = { ...process.env, AGENTV_HOME: join(root, "home") };
	const child = spawn(process.execPath, [agentv, "studio", "--no-open", "--port", "0"], {
		cwd: join(root, "cwd"),
		env,
	});
	child.stderr.resume();
	return new Promise((started, failed) => {
		let said = "";
		child.stdout.on("data", (chunk) => {
			said += chunk;
			const url = /http:\/\/\S+/.exec(said)?.[0];
			if (url) started({ child, ...addressOf(new URL(url)) });
		});
		child.on("exit", () => failed(new Error(`agentv studio ended: ${said}`)));
	});
}

function addressOf(link) {
	headers.authorization = `Bearer ${link.searchParams.get("token")}`;
	return { url: link.origin };
}

async function get(url) {
	const answer = await fetch(url, { headers });
	const text = await answer.text();
	if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`);
	return text;
}

/** Returns MB. */
function memory({ pid }) {
	const status = readFileSync(`/proc/${pid}/status`, "utf8");
	const field = (name) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
	return { now: field("VmRSS"), peak: field("VmHWM") };
}

async function routesOf(url) {
	const { items: evals } = JSON.parse(await get(`${url}/api/evals`));
	const { items: all } = JSON.parse(await get(`${url}/api/runs`));
	return [
		"/api/benchmarks",
		"/api/benchmarks?page=3&search=bench",
		"/api/evals",
		"/api/evals?benchmark=b7",
		`/api/evals/${evals[0].id}/tests`,
		"/api/runs",
		"/api/runs?page=11&experiment=exp1&target=other",
		"/api/runs/history",
		`/api/runs/${all[0].id}/tests?sort=score`,
	];
}

async function measure({ child, url }) {
	const began = performance.now();
	const routes = await routesOf(url);
	console.log(`first requests, cold: ${Math.round(performance.now() - began)} ms`);
	for (const route of routes) {
		const times = [];
		for (let round = 0; round < 30; round++) {
			const started = performance.now();
			await get(url + route);
			times.push(performance.now() - started);
			// Responses are cached for less, so each round reads the disk.
			if (round < 10) await new Promise((next) => setTimeout(next, 1100));
		}
		const slow = times.sort((a, b) => a - b)[Math.floor(times.length * 0.9)];
		const verdict = slow <= limits.ms ? "kept" : "EXCEEDED";
		if (slow > limits.ms) process.exitCode = 1;
		console.log(
			`${route}: ${median(times).toFixed(1)} ms, 9 of 10 within ${slow.toFixed(1)} ms  (limit ${limits.ms} ms: ${verdict})`,
		);
	}
	for (const route of routes)
		for (let sent = 0; sent < requests; sent += 8) await Promise.all(Array.from({ length: 8 }, () => get(url + route)));
	const { now, peak } = memory(child);
	const verdict = peak <= limits.mb ? "kept" : "EXCEEDED";
	if (peak > limits.mb) process.exitCode = 1;
	console.log(
		`memory after ${requests} requests to each: ${now} MB, at most ${peak} MB  (limit ${limits.mb} MB: ${verdict})`,
	);
}

try {
	benchmarks(200, 10);
	runs(1000, 100);
	const running = await studio();
	try {
		await measure(running);
	} finally {
		running.child.removeAllListeners("exit");
		running.child.kill("SIGTERM");
	}
} finally {
	rmSync(root, { recursive: true, force: true });
}
