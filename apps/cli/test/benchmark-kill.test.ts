import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
	agentvBin,
	type FileContent,
	gitRepository,
	gitTestEnvironment,
	tempTree,
	waitUntil,
} from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { kill, moments, pause } from "./testing/killed.ts";

const files = 600;
const registry = (root: string) =>
	`# kept as it is\nbenchmarks:\n  - id: b\n    path: ${root}/clone\n    source: { url: "file://${root}/bare", ref: "\${{ REF:-main }}" }\n`;

function tree(generation: number): Record<string, FileContent> {
	const entries = Array.from({ length: files }, (_, index) => {
		return [`d${index % 20}/f${index}.txt`, `${index} ${generation}\n`.repeat(200)] as const;
	});
	return {
		...Object.fromEntries(entries),
		[`only-${generation}/x.txt`]: "x\n",
		[`only-${1 - generation}/x.txt`]: null,
	};
}

/** Creates a repository with many files and a home that registers it. */
function place() {
	const root = tempTree({ "home/.keep": "" });
	const work = gitRepository(join(root, "work"), tree(0));
	work.pushTo(join(root, "bare"));
	writeFileSync(join(root, "home/benchmarks.yaml"), registry(root));
	const env = { ...gitTestEnvironment, HOME: root, AGENTV_HOME: join(root, "home") };
	const start = () => spawn(process.execPath, [agentvBin(), "benchmark", "sync"], { cwd: root, env, stdio: "ignore" });
	const run = (...args: string[]) =>
		spawnSync(process.execPath, [agentvBin(), "benchmark", ...args], { cwd: root, env, encoding: "utf8" });
	const git = (...args: string[]) =>
		spawnSync("git", args, { cwd: join(root, "clone"), env: gitTestEnvironment, encoding: "utf8" });
	return { root, work, start, run, git };
}

/** Expects that the next sync repairs everything. */
function repairs({ root, run, git }: ReturnType<typeof place>, generation: number) {
	const synced = run("sync");
	expect(synced.stdout + synced.stderr).toMatch(/synced|current/);
	expect(synced.status).toBe(0);
	expect(JSON.parse(run("status", "--json").stdout)).toMatchObject({
		benchmarks: [{ revision: { state: "synced" }, work_tree: { state: "clean", files: [] } }],
	});
	for (const [path, content] of Object.entries(tree(generation))) {
		const file = join(root, "clone", path);
		expect(existsSync(file) ? readFileSync(file, "utf8") : null, path).toBe(content);
	}
	expect(git("status", "--porcelain", "--ignored").stdout).toBe("");
	expect(git("fsck", "--no-dangling").stderr).toBe("");
	expect(readFileSync(join(root, "home/benchmarks.yaml"), "utf8")).toBe(registry(root));
	expect(readdirSync(root).sort()).toEqual(
		["bare", "clone", "home", "work", ...(existsSync(join(root, "pristine")) ? ["pristine"] : [])].sort(),
	);
	expect(readdirSync(join(root, "clone/.git")).filter((name) => /lock|agentv/.test(name))).toEqual([]);
}

async function timed(start: () => ReturnType<typeof spawn>): Promise<number> {
	const begun = performance.now();
	await new Promise((resolve) => start().once("close", resolve));
	return performance.now() - begun;
}

describe("a sync that is killed at any moment", () => {
	const { count, random } = moments(50);

	it(`while it clones is repaired by the next sync (${count} moments)`, async () => {
		const here = place();
		const whole = await timed(here.start);
		for (let round = 0; round < count; round++) {
			rmSync(join(here.root, "clone"), { recursive: true });
			const child = here.start();
			await pause(whole * random());
			await kill(child, round % 2 === 1);
			const clone = join(here.root, "clone");
			if (existsSync(clone)) expect(readdirSync(clone).length).toBeGreaterThan(20);
			repairs(here, 0);
		}
	}, 1_800_000);

	it(`during a large update is repaired by the next sync (${count} moments, half of them while files are written)`, async () => {
		const here = place();
		here.run("sync");
		const [clone, pristine] = [join(here.root, "clone"), join(here.root, "pristine")];
		cpSync(clone, pristine, { recursive: true, preserveTimestamps: true });
		here.work.commit(tree(1));
		here.work.pushTo(join(here.root, "bare"));
		const again = () => {
			rmSync(clone, { recursive: true });
			cpSync(pristine, clone, { recursive: true, preserveTimestamps: true });
		};
		const whole = await timed(here.start);
		for (let round = 0; round < count; round++) {
			again();
			const child = here.start();
			if (round % 2 === 0) await pause(whole * random());
			else await waitUntil(() => existsSync(join(clone, ".git/index.lock")) || child.exitCode !== null, 60_000);
			if (round % 2 === 1) await pause(30 * random());
			await kill(child, Math.floor(round / 2) % 2 === 1);
			repairs(here, 1);
		}
	}, 1_800_000);

	it("keeps the user's earlier edits", async () => {
		const here = place();
		here.run("sync");
		const mine = join(here.root, "clone/mine.txt");
		here.work.commit(tree(1));
		here.work.pushTo(join(here.root, "bare"));
		writeFileSync(mine, "mine\n");
		const child = here.start();
		await waitUntil(() => existsSync(join(here.root, "clone/.git/index.lock")) || child.exitCode !== null, 60_000);
		await kill(child, true);
		expect(here.run("sync").status).toBe(0);
		expect(readFileSync(mine, "utf8")).toBe("mine\n");
		expect(here.git("status", "--porcelain").stdout).toBe("?? mine.txt\n");
	});
});
