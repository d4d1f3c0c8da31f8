// Measures validation against only reading and `yaml`-parsing the same files.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundleCore } from "../apps/cli/scripts/bundling.mjs";
import { median, pairs, report } from "./pairs.mjs";
import { writeSyntheticEvals } from "./synthetic-evals.mjs";

const require = createRequire(new URL("../packages/core/package.json", import.meta.url));
const { parse } = require("yaml");
const root = mkdtempSync(join(tmpdir(), "agentv-bench-"));
const isHeap = process.argv[2] === "heap";
const core = isHeap ? process.argv[5] : await bundleCore(join(root, "core"));
const { discoverEvals, openDiskView, validateEvals } = await import(pathToFileURL(core).href);

function repository(name, count) {
	const directory = join(root, name);
	const files = writeSyntheticEvals(directory, count);
	const git = (...args) =>
		spawnSync("git", ["-c", "user.name=b", "-c", "user.email=b@localhost", ...args], { cwd: directory });
	git("init", "--quiet");
	git("add", "--all");
	git("commit", "--quiet", "--message=evals");
	return { directory, files };
}

function floor(files) {
	for (const file of files) parse(readFileSync(file, "utf8"));
}

/** Returns the largest heap after a collection in MB, if it can be measured. */
async function validate(directory, expected) {
	const view = openDiskView();
	const evals = discoverEvals([directory], directory, view);
	let tests = 0;
	let heap = 0;
	for await (const result of validateEvals(evals, { view, env: process.env, cwd: directory })) {
		tests += result.tests;
		if (globalThis.gc && tests % 500 < 5) {
			globalThis.gc();
			heap = Math.max(heap, process.memoryUsage().heapUsed / 2 ** 20);
		}
	}
	if (evals.length !== expected) throw new Error(`${evals.length} evals instead of ${expected}`);
	return heap;
}

try {
	if (isHeap) {
		const count = Number(process.argv[3]);
		console.log((await validate(process.argv[4], count)).toFixed(1));
	} else {
		const thousand = repository("thousand", 1000);
		const measured = await pairs(
			() => floor(thousand.files),
			() => validate(thousand.directory, 1000),
			{ rounds: 9, warmUps: 2 },
		);
		report("validate 1,000 evals, against reading and parsing them", measured, 1.8);

		const hundred = repository("hundred", 100);
		const tenThousand = repository("ten-thousand", 10_000);
		const perEval = [];
		for (const [{ directory }, count, rounds] of [
			[hundred, 100, 9],
			[thousand, 1000, 5],
			[tenThousand, 10_000, 3],
		]) {
			const times = [];
			for (let round = 0; round < rounds; round++) {
				const started = performance.now();
				await validate(directory, count);
				times.push((performance.now() - started) / count);
			}
			perEval.push(median(times));
			console.log(`validate ${count.toLocaleString("en-US")} evals: ${median(times).toFixed(3)} ms each`);
		}
		const growth = perEval[2] / perEval[0];
		console.log(`cost of one eval, at 10,000 against at 100: ${growth.toFixed(2)} ×  (limit 1.5 ×)`);
		if (growth > 1.5) process.exitCode = 1;

		const heaps = [
			[thousand, 1000],
			[tenThousand, 10_000],
		].map(([{ directory }, count]) => {
			const args = ["--expose-gc", import.meta.filename, "heap", String(count), directory, core];
			return Number(spawnSync(process.execPath, args, { encoding: "utf8" }).stdout);
		});
		console.log(`heap in use: ${heaps[0]} MB at 1,000 evals, ${heaps[1]} MB at 10,000`);
		if (!(heaps[1] < heaps[0] * 1.5 + 10)) process.exitCode = 1;
	}
} finally {
	rmSync(root, { recursive: true, force: true });
}
