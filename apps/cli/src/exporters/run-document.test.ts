import type { ResultRow, RunFile } from "@agentv/core";
import { law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { junitSuites } from "../../test/testing/junit-suites.ts";
import { runDocument } from "./junit.ts";

function row(more: Partial<ResultRow>): ResultRow {
	return {
		...{ timestamp: "2026-01-02T03:04:05.678Z", eval: "a.eval.yaml", testId: "t", target: "default", attempt: 1 },
		...{ score: 1, threshold: 0.8, executionStatus: "ok", scores: [], durationMs: 1234, metadata: {} },
		...more,
	};
}

const failing = (more: Partial<ResultRow>) =>
	row({
		...{ executionStatus: "quality_failure", score: 0.25 },
		scores: [
			{
				...{ name: "exact", type: "equals", score: 0, weight: 1, verdict: "fail" },
				assertions: [{ text: "the answer equals <4>", passed: false, evidence: "it is\n5" }],
			},
		],
		...more,
	});

const unrun = (more: Partial<ResultRow>) =>
	row({
		...{ executionStatus: "execution_error", score: 0 },
		error: { stage: "target", code: "timeout", message: "no response within 5 s" },
		...more,
	});

type PlannedTest = RunFile["planned"][number];

interface Planned {
	readonly count?: number;
	readonly strategy?: "mean" | "pass_any" | "pass_all";
	/** Planned tests of the first eval without a row. */
	readonly left?: readonly string[];
}

function documentOf(rows: readonly ResultRow[], { count = 1, strategy = "mean", left = [] }: Planned = {}) {
	const files = [...new Set(rows.map((one) => one.eval))];
	const tests = new Map(rows.map((one) => [JSON.stringify([one.eval, one.testId, one.target]), one]));
	const planned = [...tests.values()].map((one) => [files.indexOf(one.eval), one.testId, one.target] as const);
	const all = [...planned, ...left.map((id) => [0, id, "default"] as const)];
	const run = {
		startedAt: "2026-01-02T03:04:05.678Z",
		evals: files.map((file) => ({ file, path: `/${file}`, name: file, digest: "0" })),
		planned: all.map(
			([index, id, target]): PlannedTest =>
				count === 1 ? [index, id, target] : [index, id, target, { count, strategy, earlyExit: false }],
		),
	};
	return junitSuites([...runDocument({ run, rows })].join(""));
}

describe("a run as JUnit", () => {
	test("has a suite for each eval and target, and the reason if a test did not pass", async () => {
		const suites = await documentOf([
			row({}),
			failing({ testId: "wrong" }),
			unrun({ testId: "silent", target: "other" }),
		]);
		expect(suites).toMatchObject([
			{
				...{ name: "a.eval.yaml (default)", package: "a.eval.yaml", time: "2.468", timestamp: "2026-01-02T03:04:05" },
				cases: [
					{ name: "t", classname: "a.eval.yaml (default)", time: "1.234" },
					{
						name: "wrong",
						failure: {
							...{ type: "quality_failure", message: "score 0.25 is below 0.8" },
							text: "exact: the answer equals <4> — it is\n5",
						},
					},
				],
			},
			{
				name: "a.eval.yaml (other)",
				cases: [
					{ error: { type: "timeout", message: "no response within 5 s", text: "target: no response within 5 s" } },
				],
			},
		]);
	});

	test("has one case for all attempts of a test, which fails if the run counts the test as failed", async () => {
		const attempts = [failing({}), row({ attempt: 2 }), unrun({ attempt: 3 })];
		const [any] = await documentOf(attempts, { count: 3, strategy: "pass_any" });
		expect(any?.cases).toEqual([{ name: "t", classname: "a.eval.yaml (default)", time: "3.702" }]);
		const [all] = await documentOf(attempts, { count: 3, strategy: "pass_all" });
		expect(all?.cases).toMatchObject([
			{ failure: { message: "1 of 3 attempts passed, lowest score 0.25, threshold 0.8" } },
		]);
		const [unfinished] = await documentOf(attempts, { count: 4, strategy: "mean" });
		expect(unfinished?.cases).toMatchObject([{ skipped: "not run: 3 of 4 attempts were made" }]);
	});

	test("distinguishes a test's results with two targets, and tests that were not run from those not graded", async () => {
		const suites = await documentOf([row({}), row({ target: "other" }), unrun({ testId: "silent" })], {
			left: ["left"],
		});
		const names = suites.flatMap(({ cases }) => cases.map(({ name, classname }) => `${classname} ${name}`));
		expect(new Set(names).size).toBe(4);
		expect(suites).toMatchObject([
			{ tests: "3", failures: "0", errors: "1", skipped: "1", cases: [{}, { error: {} }, { skipped: "not run" }] },
			{ tests: "1", cases: [{ name: "t", classname: "a.eval.yaml (other)" }] },
		]);
	});

	test("reports the usage of target and judge, also for a failed judgement", async () => {
		const usage = { target: "judge", costUsd: 0.05, tokenUsage: { input: 10, output: 1 } };
		const broken = {
			...{ name: "judge", type: "llm-grader", score: null, weight: 1, verdict: "not_judged" as const },
			...{ assertions: [], error: { code: "bad-reply", message: "no verdict" }, usage },
		};
		const spent = { costUsd: 0.2, tokenUsage: { input: 100, output: 20 } };
		const [suite] = await documentOf([row(spent), unrun({ testId: "silent", scores: [broken], ...spent })]);
		expect(suite?.properties).toEqual({
			...{ tests_judged: "1 of 2", mean_score: "1", mean_score_lower_bound: "1" },
			...{ eval: "a.eval.yaml", target: "default" },
			...{ target_cost_usd: "0.4", target_input_tokens: "200", target_output_tokens: "40" },
			...{ judging_cost_usd: "0.05", judging_input_tokens: "10", judging_output_tokens: "1" },
			total_cost_usd: "0.45",
		});
		expect(suite?.cases[1]?.error?.text).toContain("judge: not graded: no verdict");
	});

	test("names the veto that fails a test with a passing score", async () => {
		const scores = failing({}).scores.map((one) => ({ ...one, score: 0.9, veto: true as const }));
		const [suite] = await documentOf([failing({ score: 0.9, scores })]);
		expect(suite?.cases[0]?.failure).toMatchObject({
			message: "exact vetoed the answer",
			text: expect.stringContaining("exact: vetoed the answer"),
		});
	});

	test("is valid for any text in ids, answers and errors", async () => {
		const text = fc.string({ unit: "binary", minLength: 1 });
		const hostile = fc.record({
			...{ testId: text, eval: fc.constantFrom("a", "]]>", '"><b/>'), target: text },
			...{ message: text, evidence: text, status: fc.constantFrom("ok", "quality_failure", "execution_error") },
		});
		await fc.assert(
			fc.asyncProperty(fc.array(hostile, { maxLength: 40 }), async (drawn) => {
				const rows = drawn.map(({ status, testId, eval: label, target, message, evidence }) => {
					const name = { testId, eval: label, target };
					if (status === "ok") return row(name);
					if (status === "execution_error")
						return unrun({ ...name, error: { stage: "target", code: message, message: evidence } });
					const scores = failing({}).scores.map((one) => ({
						...one,
						...{ name: message, assertions: [{ text: message, passed: false, evidence }] },
					}));
					return failing({ ...name, scores });
				});
				const suites = await documentOf(rows);
				expect(suites.flatMap(({ cases }) => cases)).toHaveLength(rows.length);
			}),
			law(60),
		);
	});
});
