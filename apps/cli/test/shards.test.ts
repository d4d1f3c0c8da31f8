import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentv, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";

const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
const evalText = `assertions: [{type: contains, value: yes}]\ntests:\n${names.map((id) => `  - {id: ${id}, input: hi}\n`).join("")}`;
const files = {
	"my.eval.yaml": evalText,
	"targets.yaml": "targets:\n  - {name: default, provider: mock, response: yes}\n",
};

/** Replaces durations by placeholders. */
const steady = (text: string) => text.replace(/\d+(\.\d+)?m?s\b/g, "<duration>").replace(/ +/g, " ");

function sessionsIn(cwd: string) {
	return (...args: string[]) => agentv(args, { cwd });
}

/** Creates a project with runs of its shards 1/2 and 2/2. */
async function sharded() {
	const cwd = tempTree(files);
	const run = sessionsIn(cwd);
	for (const shard of ["1/2", "2/2"])
		expect(await run("eval", "run", "my.eval.yaml", "--shard", shard, "--output", `s${shard[0]}`)).toMatchObject({
			exitCode: 0,
		});
	const planned = (directory: string): string[] =>
		JSON.parse(readFileSync(join(cwd, directory, "run.json"), "utf8")).planned.map(([, id]: [number, string]) => id);
	return { cwd, run, ids: [planned("s1"), planned("s2")] as const };
}

describe("agentv eval run --shard", () => {
	test("runs and names a part of the tests", async () => {
		const { cwd, run, ids } = await sharded();
		expect([...ids[0], ...ids[1]].sort()).toEqual(names);
		const { stdout } = await run("eval", "run", "my.eval.yaml", "--shard", "2/2", "--output", "again");
		expect(stdout).toContain("Results: again (shard 2/2 of 8 tests)");
		const plan = await run("eval", "run", "my.eval.yaml", "--shard", "2/2", "--dry-run");
		expect(plan.stdout).toContain(`Would run ${ids[1].length} tests`);
		expect(plan.stdout).toContain(", shard 2/2.");
		const json = JSON.parse((await run("eval", "my.eval.yaml", "--shard", "2/2", "--dry-run", "--json")).stdout);
		expect(json).toMatchObject({ shard: { index: 2, count: 2 } });
		expect(json.planned.map(({ test_id }: { test_id: string }) => test_id)).toEqual(ids[1]);
		expect(existsSync(join(cwd, ".agentv"))).toBe(false);
	});

	test("accepts a shard without tests", async () => {
		const run = sessionsIn(
			tempTree({
				...files,
				"my.eval.yaml": "tests: [{id: a, input: hi, assertions: [{type: contains, value: yes}]}]\n",
			}),
		);
		const plan = await run("eval", "my.eval.yaml", "--shard", "1/2", "--dry-run", "--json");
		const empty = JSON.parse(plan.stdout).planned.length === 0 ? "1/2" : "2/2";
		const { exitCode, stdout, stderr } = await run("eval", "my.eval.yaml", "--shard", empty, "--output", "none");
		expect({ exitCode, stdout: steady(stdout), stderr }).toEqual({
			exitCode: 0,
			stdout: `\n0 tests: 0 passed, 0 failed · <duration>\nResults: none (shard ${empty} of 1 test)\n`,
			stderr: "",
		});
	});

	test("balances by a previous run, and ignores shards for latest", async () => {
		const run = sessionsIn(tempTree(files));
		const none = await run("eval", "my.eval.yaml", "--shard", "1/2", "--durations-from", "latest");
		expect(none).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("there are no runs yet") });
		const recordOf = (directory: string) => JSON.parse(readFileSync(join(directory, "run.json"), "utf8"));
		const whole = JSON.parse((await run("eval", "my.eval.yaml", "--json")).stdout).run_dir;
		for (const shard of ["1/2", "2/2"]) {
			const args = ["my.eval.yaml", "--shard", shard, "--durations-from", "latest", "--json"];
			const { run_dir, summary } = JSON.parse((await run("eval", ...args)).stdout);
			expect(recordOf(run_dir).shard.balanced_by).toBe(recordOf(whole).run_id);
			expect(summary.planned).toBeGreaterThan(0);
		}
		expect((await run("results", "list")).stdout).toMatch(
			/· shard 2\/2\n.*· shard 1\/2\n.*my\.eval\.yaml · default\n$/,
		);
		const { runs } = JSON.parse((await run("results", "list", "--json")).stdout);
		expect(runs.map(({ shard }: { shard?: object }) => shard)).toEqual([
			{ index: 2, count: 2 },
			{ index: 1, count: 2 },
			undefined,
		]);
	});

	test("exits with 2 for wrong usage and runs nothing", async () => {
		const cwd = tempTree(files);
		const run = sessionsIn(cwd);
		for (const shard of ["0/2", "3/2", "2", "-1/2"]) {
			const { exitCode, stderr } = await run("eval", "my.eval.yaml", "--shard", shard);
			expect({ shard, exitCode }).toEqual({ shard, exitCode: 2 });
			expect(stderr).toContain("I/N");
		}
		const alone = await run("eval", "my.eval.yaml", "--durations-from", "latest");
		expect(alone).toMatchObject({
			exitCode: 2,
			stderr: expect.stringContaining("--durations-from requires --shard I/N"),
		});
		expect(existsSync(join(cwd, ".agentv"))).toBe(false);
	});

	test("resumes only the same shard", async () => {
		const { cwd, run, ids } = await sharded();
		writeFileSync(join(cwd, "s1/index.jsonl"), "");
		const other = await run("eval", "my.eval.yaml", "--shard", "2/2", "--resume", "--run", "s1");
		expect(other).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("started with a different --shard") });
		const { stdout } = await run("eval", "run", "--resume", "--run", "s1", "--json");
		expect(JSON.parse(stdout).summary).toMatchObject({ planned: ids[0].length, passed: ids[0].length });
	});
});

describe("agentv results merge", () => {
	test("merges shards", async () => {
		const { run } = await sharded();
		const { exitCode, stdout, stderr } = await run("results", "merge", "s1/", "s2", "--output", "all");
		expect({ exitCode, stdout: steady(stdout), stderr }).toEqual({
			exitCode: 0,
			stdout: "8 tests: 8 passed, 0 failed · mean score 1.00 · <duration>\nMerged 2 runs into all\n",
			stderr: "",
		});
		const shown = await run("results", "show", "all", "--json");
		expect(JSON.parse(shown.stdout).summary).toMatchObject({ planned: 8, passed: 8 });
	});

	test("reports missing tests, which --only-missing then runs", async () => {
		const { cwd, run, ids } = await sharded();
		const gap = await run("results", "merge", "s2", "--output", "all");
		const count = ids[0].length;
		expect({ ...gap, stdout: steady(gap.stdout) }).toEqual({
			exitCode: 1,
			stdout: [
				`${count} tests with missing results (${count} attempts):`,
				` ✗ shard 1 is missing, with ${count} tests:`,
				...ids[0].map((id) => ` ${id} (default) of my.eval.yaml`),
				"",
				`8 tests: ${8 - count} passed, 0 failed, ${count} not run · mean score 1.00 (${8 - count} of 8) · <duration>`,
				"Merged 1 run into all",
				"Run the missing tests: agentv eval run --only-missing all",
				"",
			].join("\n"),
			stderr: "",
		});
		const apart = await run("eval", "run", "--only-missing", "all", "--output", "rest", "--json");
		expect(JSON.parse(apart.stdout).summary).toMatchObject({ planned: count, passed: count });
		const merged = JSON.parse((await run("results", "merge", "s2", "rest", "--output", "both", "--json")).stdout);
		expect(merged).toMatchObject({ complete: true, missing: { shards: [], tests: [] }, problems: [] });
		const plan = await run("eval", "run", "--only-missing", "all", "--dry-run");
		expect(plan.stdout).toContain(`Would run ${count} tests in ${count} attempts`);
		const inside = await run("eval", "run", "--only-missing", "all", "--json");
		expect(JSON.parse(inside.stdout)).toMatchObject({ run_dir: join(cwd, "all"), summary: { planned: 8, passed: 8 } });
		expect(inside.exitCode).toBe(0);
	});

	test("reports contradictions and writes nothing", async () => {
		const { cwd, run } = await sharded();
		await run("eval", "my.eval.yaml", "--shard", "1/2", "--repeat", "2", "--output", "other");
		const { exitCode, stdout, stderr } = await run("results", "merge", "s2", "other", "--output", "all");
		expect({ exitCode, stdout, stderr }).toEqual({
			exitCode: 1,
			stdout: [
				"These runs can't be merged; nothing was written:",
				"  ✗ other and s2 were started with different --repeat: 2 and none",
				"",
			].join("\n"),
			stderr: "",
		});
		const json = await run("results", "merge", "s2", "other", "--output", "all", "--json");
		expect(json.exitCode).toBe(1);
		expect(JSON.parse(json.stdout)).toMatchObject({
			run_dir: null,
			complete: false,
			summary: null,
			problems: [{ kind: "other-plan", what: "flag", name: "repeat", values: ["2", "none"], runs: ["other", "s2"] }],
		});
		expect(existsSync(join(cwd, "all"))).toBe(false);
	});

	test("prints one JSON document with the missing tests", async () => {
		const { cwd, run, ids } = await sharded();
		const { exitCode, stdout } = await run("results", "merge", "s2", "--output", "all", "--json");
		expect(exitCode).toBe(1);
		expect(JSON.parse(stdout)).toMatchObject({
			run_dir: join(cwd, "all"),
			complete: false,
			summary: { planned: 8, passed: ids[1].length },
			runs: [{ run: "s2", shard: 2, attempts: ids[1].length }],
			missing: {
				shards: [1],
				tests: ids[0].map((id) => ({ eval: "my.eval.yaml", test_id: id, target: "default", attempts: [1], shard: 1 })),
			},
			problems: [],
			warnings: [],
		});
	});

	test("exits with 2 for wrong usage", async () => {
		const { cwd, run } = await sharded();
		const code = async (...args: string[]) => (await run("results", "merge", ...args)).exitCode;
		expect(await code("s1", "s2")).toBe(2);
		expect(await code("--output", "all")).toBe(2);
		expect(await code("s1", "none", "--output", "all")).toBe(2);
		expect(await code("s1", "--output", "s2")).toBe(2);
		expect(await code("s1", "--output", "my.eval.yaml")).toBe(2);
		expect(existsSync(join(cwd, "all"))).toBe(false);
	});
});

describe("agentv eval run --only-missing", () => {
	test("refuses changed evals and conflicting options", async () => {
		const { cwd, run } = await sharded();
		await run("results", "merge", "s2", "--output", "all");
		const stderr = async (...args: string[]) => {
			const session = await run("eval", "run", ...args);
			return session.exitCode === 2 ? session.stderr : `exit code ${session.exitCode}`;
		};
		expect(await stderr("--only-missing", "all", "--shard", "1/2")).toContain(
			"--only-missing and --shard cannot be combined",
		);
		expect(await stderr("--only-missing", "all", "--run", "s2")).toContain(
			"--only-missing and --run cannot be combined",
		);
		expect(await stderr("--only-missing", "none")).toContain('no run "none"');
		expect(await stderr("--only-missing", "all", "--repeat", "2")).toContain("started with a different --repeat");
		writeFileSync(join(cwd, "my.eval.yaml"), evalText.replace("value: yes", "value: ye"));
		expect(await stderr("--only-missing", "all")).toContain("my.eval.yaml changed: ");
		expect(await stderr("--only-missing", "all", "--output", "rest")).toContain("my.eval.yaml changed: ");
		expect(await stderr("--only-missing", "all", "--output", "rest", "--rerun-changed")).toContain("--output");
		writeFileSync(join(cwd, "my.eval.yaml"), evalText);
		writeFileSync(join(cwd, "targets.yaml"), "targets:\n  - {name: other, provider: mock, response: yes}\n");
		expect(await stderr("--only-missing", "all")).toContain("target");
	});

	test("uses the given evals if the shards ran on another machine", async () => {
		const { cwd, run, ids } = await sharded();
		await run("results", "merge", "s2", "--output", "all");
		const moved = tempTree(files);
		rmSync(join(cwd, "my.eval.yaml"));
		const gone = await agentv(["eval", "run", "--only-missing", join(cwd, "all")], { cwd: moved });
		expect(gone.exitCode).toBe(2);
		const args = ["eval", "run", "my.eval.yaml", "--only-missing", join(cwd, "all"), "--json"];
		const { stdout } = await agentv(args, { cwd: moved });
		expect(JSON.parse(stdout).summary).toMatchObject({ planned: 8, passed: 8 });
		expect(ids[0].length).toBeGreaterThan(0);
	});

	test("resumes a run of missing tests", async () => {
		const { cwd, run, ids } = await sharded();
		await run("results", "merge", "s2", "--output", "all");
		await run("eval", "run", "--only-missing", "all", "--output", "rest");
		writeFileSync(join(cwd, "rest/index.jsonl"), "");
		const taken = await run("eval", "run", "--only-missing", "all", "--output", "rest");
		expect(taken).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("already contains a run") });
		const { stdout } = await run("eval", "run", "--resume", "--run", "rest", "--json");
		const people = await run("eval", "run", "--only-missing", "all", "--output", "more");
		expect(people.stdout).toMatch(/Merge the shards: agentv results merge all more --output <dir>\n$/);
		expect(JSON.parse(stdout).summary).toMatchObject({ planned: ids[0].length, passed: ids[0].length });
	});
});
