import { describe, expect, test } from "vitest";
import { readRunFile } from "../eval/discover-evals.ts";
import { mockTargets, runTree } from "./testing/run-fixture.ts";

const passes = "assertions: [{type: contains, value: yes}]";
const fails = "assertions: [{type: contains, value: no}]";
const evalOf = (...tests: string[]) => ({
	"my.eval.yaml": `tests:\n${tests.map((one) => `  - {input: hi, ${one}}`).join("\n")}\n`,
	"targets.yaml": mockTargets("yes"),
});

describe("tests that depend on others", () => {
	test("run after them", async () => {
		const run = await runTree(
			evalOf(`id: c, depends_on: [b], ${passes}`, `id: b, depends_on: [a], ${passes}`, `id: a, ${passes}`),
			{
				workers: 4,
			},
		);
		expect(run.rows.map(({ testId }) => testId)).toEqual(["a", "b", "c"]);
	});

	test("may refer to numeric ids as written", async () => {
		const run = await runTree(
			evalOf(`id: 1e3, depends_on: [007, 2], ${passes}`, `id: 2, depends_on: 007, ${passes}`, `id: 007, ${passes}`),
		);
		expect(run.rows.map(({ testId }) => testId)).toEqual(["007", "2", "1e3"]);
	});

	test("are skipped, failed or run if a dependency does not pass", async () => {
		const run = await runTree(
			evalOf(
				`id: a, ${fails}`,
				`id: skip, depends_on: [a], ${passes}`,
				`id: fail, depends_on: [a], on_dependency_failure: fail, ${passes}`,
				`id: run, depends_on: [a], on_dependency_failure: run, ${passes}`,
				`id: later, depends_on: [skip], ${passes}`,
			),
		);
		expect(Object.fromEntries(run.rows.map((row) => [row.testId, row.executionStatus]))).toEqual({
			a: "quality_failure",
			skip: "execution_error",
			fail: "quality_failure",
			run: "ok",
			later: "execution_error",
		});
		expect(run.row("skip").error).toEqual({
			stage: "dependency",
			causedBy: "agent",
			code: "skipped",
			message: 'it depends on "a", which did not pass',
		});
	});

	test("include their dependencies if only they are chosen", async () => {
		const run = await runTree(evalOf(`id: a, ${passes}`, `id: b, depends_on: [a], ${passes}`, `id: c, ${passes}`), {
			tests: ["b"],
		});
		expect(run.rows.map(({ testId }) => testId)).toEqual(["a", "b"]);
	});
});

describe("choosing tests", () => {
	const files = evalOf(
		`id: one, tags: [x], ${passes}`,
		`id: two, tags: [y], ${passes}`,
		`id: "[three]", tags: [x], ${passes}`,
	);

	test("selects them by id, tag and number", async () => {
		const ids = async (options: object) =>
			(await runTree(files, { workers: 1, ...options })).rows.map(({ testId }) => testId);
		expect(await ids({ tests: ["t*", "[three]"] })).toEqual(["two", "[three]"]);
		expect(await ids({ tags: ["x"] })).toEqual(["one", "[three]"]);
		expect(await ids({ limit: 2 })).toEqual(["one", "two"]);
	});

	test("is an error if no test matches", async () => {
		await expect(runTree(files, { tests: ["nothing"] })).rejects.toMatchObject({ code: "not-found" });
	});
});

describe("repeats of a test", () => {
	const repeated = (repeat: string) =>
		runTree(
			{
				"my.eval.yaml": `tests: [{id: t, input: hi, repeat: ${repeat}, assertions: [{type: contains, value: yes}]}]\n`,
				"targets.yaml": "targets: [{name: default, provider: replay, fixtures: ./answers.jsonl}]\n",
				"answers.jsonl": ["no", "yes", "no"]
					.map((output, index) => JSON.stringify({ test_id: "t", attempt: index + 1, output }))
					.join("\n"),
			},
			{ workers: 1 },
		);

	test("are combined by their strategy", async () => {
		expect((await repeated("{count: 3}")).summary).toMatchObject({
			planned: 1,
			passed: 0,
			failed: 1,
			meanScore: 1 / 3,
		});
		expect((await repeated("{count: 3, strategy: pass_any}")).summary).toMatchObject({ passed: 1, meanScore: 1 });
		expect((await repeated("{count: 3, strategy: pass_all}")).summary).toMatchObject({ failed: 1, meanScore: 0 });
	});

	test("are recorded in run.json, so that other programs can combine them", async () => {
		const { runDir } = await repeated("{count: 3, strategy: pass_any, early_exit: true}");
		expect(readRunFile(runDir).planned).toEqual([
			[0, "t", "default", { count: 3, strategy: "pass_any", earlyExit: true }],
		]);
	});

	test("may stop as soon as the result is certain", async () => {
		expect((await repeated("{count: 3, strategy: pass_any, early_exit: true}")).rows).toHaveLength(2);
		expect((await repeated("{count: 3, strategy: pass_all, early_exit: true}")).rows).toHaveLength(1);
	});
});

test("bail stops at the first test that does not pass", async () => {
	const run = await runTree(evalOf(`id: a, ${passes}`, `id: b, ${fails}`, `id: c, ${passes}`), {
		workers: 1,
		bail: true,
	});
	expect(run.outcome).toBe("bailed");
	expect(run.rows.map(({ testId }) => testId)).toEqual(["a", "b"]);
	expect(run.summary).toMatchObject({ planned: 3, passed: 1, failed: 1 });
});

test("a target's workers limit that target, and the request's workers limit all", async () => {
	const files = {
		"my.eval.yaml": `tests:\n${Array.from({ length: 6 }, (_, index) => `  - {id: t${index}, input: hi, ${passes}}`).join("\n")}\n`,
		"targets.yaml": "targets: [{name: default, provider: mock, response: yes, delay_ms: 30, workers: 3}]\n",
	};
	const most = async (options: object) => {
		let running = 0;
		let highest = 0;
		await runTree(files, {
			...options,
			onEvent: ({ type }) => {
				if (type === "attempt-started") running += 1;
				if (type === "attempt-finished") running -= 1;
				highest = Math.max(highest, running);
			},
		});
		return highest;
	};
	expect(await most({})).toBe(3);
	expect(await most({ workers: 1 })).toBe(1);
});
