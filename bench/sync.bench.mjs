// Measures the overhead of a sync over git, in one process: 5,000 files, 200 commits, over file://.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { benchmarkStatus, readRegistry, sync } from "../packages/core/dist/index.js";
import { median, pairs, report } from "./pairs.mjs";

const files = 5000;
const commits = 200;
const root = mkdtempSync(join(tmpdir(), "agentv-bench-"));
const home = join(root, "home");
const env = { PATH: process.env.PATH, HOME: home, AGENTV_HOME: home, GIT_CONFIG_GLOBAL: "/dev/null", LC_ALL: "C" };
const bare = join(root, "bare.git");
const url = `file://${bare}`;
const git = (...args) => execFileSync("git", args, { env, stdio: ["ignore", "pipe", "pipe"] });

function makeRepository() {
	const lines = [];
	for (let commit = 0; commit < commits; commit++) {
		const message = `commit ${commit}`;
		lines.push("commit refs/heads/main", `committer Bench <bench@example.com> ${1700000000 + commit} +0000`);
		lines.push(`data ${message.length}`, message);
		const [from, to] = commit === 0 ? [0, files] : [commit * 7, commit * 7 + 5];
		for (let index = from; index < to; index++) {
			const text = `file ${index % files} of commit ${commit}\n`.repeat(20);
			lines.push(`M 100644 inline d${index % 50}/f${index % files}.txt`, `data ${text.length}`, text);
		}
	}
	git("init", "--quiet", "--bare", "--initial-branch=main", bare);
	git("-C", bare, "config", "uploadpack.allowFilter", "true");
	spawnSync("git", ["-C", bare, "fast-import", "--quiet"], { env, input: `${lines.join("\n")}\n` });
	git("-C", bare, "repack", "-adq");
}

function register(entries) {
	const text = entries
		.map(({ id, path }) => `  - id: ${id}\n    path: ${path}\n    source: { url: "${url}" }\n`)
		.join("");
	writeFileSync(join(home, "benchmarks.yaml"), `benchmarks:\n${text}`);
}

async function syncAll(wanted) {
	for await (const event of sync({ env })) {
		if (event.type !== "outcome") continue;
		const others = event.results.filter(({ outcome }) => outcome !== wanted);
		if (others.length > 0) throw new Error(JSON.stringify(others[0]));
	}
}

async function times(work, rounds) {
	const list = [];
	for (let round = 0; round < rounds; round++) {
		const started = performance.now();
		await work();
		list.push(performance.now() - started);
	}
	return median(list);
}

async function firstSync() {
	let count = 0;
	const next = () => join(root, `clone-${count++}`);
	const flags = ["--progress", "--depth", "1", "--filter=blob:none", "--single-branch", "--no-tags", "--no-local"];
	const clone = () => git("clone", ...flags, "--branch", "main", "--", url, next());
	const subject = () => {
		register([{ id: "b", path: next() }]);
		return syncAll("synced");
	};
	report("first sync against git clone", await pairs(clone, subject, { rounds: 7, warmUps: 1 }), 1.15);
}

async function nothingToSync() {
	const path = join(root, "current");
	register([{ id: "b", path }]);
	await syncAll("synced");
	const fetch = { command: ["git", "fetch"], cwd: path, env };
	report(
		"sync of what is current against git fetch",
		await pairs(fetch, () => syncAll("current"), { rounds: 41 }),
		1.5,
	);
}

async function manyBenchmarks() {
	const entries = Array.from({ length: 100 }, (_, index) => ({
		id: `b${index}`,
		path: join(root, "many", `b${index}`),
	}));
	register(entries);
	await syncAll("synced");
	const status = await times(() => benchmarkStatus({ env }), 3);
	console.log(`status of 100 benchmarks of ${files} files: ${status.toFixed(0)} ms`);
	const offline = await times(() => benchmarkStatus({ env, offline: true }), 3);
	console.log(`the same offline: ${offline.toFixed(0)} ms`);
}

async function largeRegistry() {
	register(Array.from({ length: 1000 }, (_, index) => ({ id: `b${index}`, path: `/data/b${index}` })));
	const read = await times(() => {
		if (readRegistry(env).entries.length !== 1000) throw new Error("not all entries were read");
	}, 11);
	console.log(`reading a registry of 1,000 entries: ${read.toFixed(1)} ms`);
}

try {
	mkdirSync(home, { recursive: true });
	makeRepository();
	await firstSync();
	await nothingToSync();
	await manyBenchmarks();
	await largeRegistry();
} finally {
	rmSync(root, { recursive: true, force: true });
}
