import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { law, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planRun } from "./plan-run.ts";
import type { RunPlan } from "./run-plan.ts";
import { type RunRequest, resumedRequest } from "./run-request.ts";
import { assignShards, shardSizes } from "./shards.ts";
import { machineIn, mockTargets, runTree } from "./testing/run-fixture.ts";

interface SuiteTest {
	readonly id: string;
	readonly dependsOn?: readonly string[];
}

const evalText = (tests: readonly SuiteTest[]) =>
	`assertions: [{type: contains, value: yes}]\ntests:\n${tests
		.map(({ id, dependsOn = [] }) => `  - {id: ${id}, input: hi, depends_on: [${dependsOn.join(", ")}]}`)
		.join("\n")}\n`;

function suite(tests: readonly SuiteTest[]): string {
	return tempTree({ "my.eval.yaml": evalText(tests), "targets.yaml": mockTargets("yes") });
}

function planOf(root: string, request: Partial<RunRequest> = {}): RunPlan {
	return planRun({ evals: [join(root, "my.eval.yaml")], ...request }, machineIn(root));
}

/** Returns the ids of each shard's tests. */
function shardsOf(root: string, count: number, request: Partial<RunRequest> = {}): string[][] {
	return Array.from({ length: count }, (_, index) =>
		planOf(root, { ...request, shard: { index: index + 1, count } }).cases.map(({ test }) => test.id),
	);
}

const named = (count: number): SuiteTest[] => Array.from({ length: count }, (_, index) => ({ id: `t${index}` }));

describe("shards", () => {
	test("contain every test once, in order", () => {
		const shards = shardsOf(suite(named(40)), 4);
		expect(shards.flat().sort()).toEqual(
			named(40)
				.map(({ id }) => id)
				.sort(),
		);
		for (const ids of shards)
			expect(ids).toEqual(
				named(40)
					.map(({ id }) => id)
					.filter((id) => ids.includes(id)),
			);
		// With 40 tests in 4 shards, a biased hash would show.
		expect(Math.max(...shards.map(({ length }) => length))).toBeLessThan(20);
	});

	test("keep dependent tests together, in any order", () => {
		const chain = [
			{ id: "last", dependsOn: ["middle"] },
			...named(10),
			{ id: "middle", dependsOn: ["first"] },
			{ id: "first" },
		];
		const shards = shardsOf(suite(chain), 6);
		const [holder] = shards.filter((ids) => ids.includes("first"));
		expect(holder).toEqual(expect.arrayContaining(["last", "middle", "first"]));
	});

	test("keep all targets and attempts of a test together", () => {
		const root = tempTree({
			"my.eval.yaml": evalText(named(8)),
			"targets.yaml":
				"targets:\n  - {name: a, provider: mock, response: x}\n  - {name: b, provider: mock, response: x}\n",
		});
		const { cases } = planOf(root, { targets: ["a", "b"], repeat: 3, shard: { index: 1, count: 3 } });
		const by = (name: string) => cases.filter(({ target }) => target.target.name === name).map(({ test }) => test.id);
		expect(by("a")).toEqual(by("b"));
		expect(by("a").length).toBeGreaterThan(0);
		expect(cases.map(({ index }) => index)).toEqual(cases.map((_, index) => index));
	});

	test("may be empty and still run", async () => {
		const root = suite(named(1));
		const shards = shardsOf(root, 2);
		const run = await runTree(
			{ root },
			{ shard: { index: shards.findIndex((ids) => ids.length === 0) + 1, count: 2 } },
		);
		expect(run).toMatchObject({ outcome: "complete", rows: [], summary: { planned: 0, meanScore: null } });
	});

	test("divide only the chosen tests", () => {
		const root = suite(named(9));
		expect(
			shardsOf(root, 3, { tests: ["t1", "t2"] })
				.flat()
				.sort(),
		).toEqual(["t1", "t2"]);
		expect(() => shardsOf(root, 3, { tests: ["none"] })).toThrow("no test matches");
	});

	test("do not change for a test if other tests are added or removed", () => {
		const ids = fc.uniqueArray(fc.stringMatching(/^x[a-z]{1,6}$/), { minLength: 1, maxLength: 12 });
		fc.assert(
			fc.property(ids, ids, fc.integer({ min: 1, max: 7 }), (some, others, count) => {
				const shardOf = (all: readonly string[]) => {
					const { cases } = planOf(suite(all.map((id) => ({ id }))));
					const assigned = assignShards(cases, count);
					return new Map(cases.map(({ test }, index) => [test.id, assigned[index]]));
				};
				const before = shardOf(some);
				const after = shardOf([...new Set([...others, ...some])]);
				for (const [id, shard] of before) expect(after.get(id)).toBe(shard);
			}),
			law(200),
		);
	});
});

/** Creates a run with these durations; tests without one have no row. */
async function formerRun(root: string, durations: Readonly<Record<string, number>>): Promise<string> {
	const { runDir } = await runTree({ root });
	const index = join(runDir, "index.jsonl");
	const rows = readFileSync(index, "utf8")
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line))
		.filter(({ test_id }) => test_id in durations)
		.map((row) => `${JSON.stringify({ ...row, duration_ms: durations[row.test_id] })}\n`);
	writeFileSync(index, rows.join(""));
	return runDir;
}

describe("shards balanced by an earlier run", () => {
	test("have similar durations, with the longest test placed first", async () => {
		const root = suite(named(5));
		const durationsFrom = await formerRun(root, { t0: 10, t1: 90, t2: 50, t3: 40, t4: 10 });
		expect(shardsOf(root, 2, { durationsFrom })).toEqual([
			["t0", "t1"],
			["t2", "t3", "t4"],
		]);
	});

	test("count dependent tests as one", async () => {
		const root = suite([{ id: "t0" }, { id: "t1", dependsOn: ["t0"] }, { id: "t2" }, { id: "t3" }]);
		const durationsFrom = await formerRun(root, { t0: 30, t1: 30, t2: 50, t3: 40 });
		expect(shardsOf(root, 2, { durationsFrom })).toEqual([
			["t0", "t1"],
			["t2", "t3"],
		]);
	});

	test("assume the median for tests without a duration", async () => {
		const root = suite(named(5));
		const durationsFrom = await formerRun(root, { t0: 1, t1: 30, t2: 100 });
		expect(shardsOf(root, 2, { durationsFrom })).toEqual([["t2"], ["t0", "t1", "t3", "t4"]]);
	});

	test("have similar sizes if no durations are known, and none is empty without need", async () => {
		const root = suite(named(7));
		const durationsFrom = await formerRun(root, {});
		expect(shardsOf(root, 3, { durationsFrom }).map(({ length }) => length)).toEqual([3, 2, 2]);
		expect(shardSizes(planOf(root).cases, 3, durationsFrom)).toEqual([3, 2, 2]);
	});

	test("are recorded, so that a resumed shard no longer needs the earlier run", async () => {
		const root = suite(named(4));
		const durationsFrom = await formerRun(root, { t0: 1, t1: 2, t2: 30, t3: 4 });
		const shard = { index: 2, count: 2 };
		const first = await runTree({ root }, { shard, durationsFrom });
		const ids = first.rows.map(({ testId }) => testId).sort();
		expect(ids).toEqual(["t0", "t1", "t3"]);
		rmSync(durationsFrom, { recursive: true });
		writeFileSync(join(first.runDir, "index.jsonl"), "");
		const request = resumedRequest(first.runDir, { evals: [] });
		const second = await runTree({ root }, { ...request, output: first.runDir, resume: true });
		expect(second.rows.map(({ testId }) => testId).sort()).toEqual(ids);
		expect(() => resumedRequest(first.runDir, { evals: [], shard: { index: 1, count: 2 } })).toThrow(
			"the run was started with a different --shard",
		);
	});

	test("need a valid run", () => {
		const root = suite(named(2));
		expect(() => shardsOf(root, 2, { durationsFrom: join(root, "none") })).toThrow("does not contain a run");
	});

	test("contain every test once, within the bound of the greedy algorithm", () => {
		const durations = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 30 });
		fc.assert(
			fc.property(durations, fc.integer({ min: 1, max: 8 }), (millis, count) => {
				const { cases } = planOf(suite(named(millis.length)));
				const byCase = new Map(cases.map((one, index) => [one.key, millis[index] ?? 0]));
				const assigned = assignShards(cases, count, { runId: "r", byCase, usual: 0 });
				const loads = Array.from({ length: count }, () => 0);
				for (const [index, shard] of assigned.entries())
					loads[shard - 1] = (loads[shard - 1] ?? 0) + (millis[index] ?? 0);
				const total = millis.reduce((sum, one) => sum + one, 0);
				expect(loads.reduce((sum, one) => sum + one, 0)).toBe(total);
				// The last test was added to the shortest shard, so no shard exceeds the mean plus the
				// longest test.
				expect(Math.max(...loads)).toBeLessThanOrEqual(total / count + Math.max(...millis));
			}),
			law(100),
		);
	});
});
