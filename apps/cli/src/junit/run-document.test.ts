import type { ResultRow } from "@agentv/core";
import { law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { junitSuites } from "../../test/testing/junit-suites.ts";
import { runDocument } from "./run-document.ts";

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
		error: { stage: "target", code: "timeout", message: "no answer within 5 s" },
		...more,
	});

const documentOf = (
	rows: readonly ResultRow[],
	repeat?: { count: number; strategy: "mean" | "pass_any" | "pass_all" },
) => junitSuites([...runDocument(rows, () => repeat && { ...repeat, earlyExit: false })].join(""));

describe("a run as JUnit", () => {
	test("has a suite for each eval and target, and says why a test did not pass", async () => {
		const suites = await documentOf([
			row({}),
			failing({ testId: "wrong" }),
			unrun({ testId: "silent", target: "other" }),
		]);
		expect(suites).toMatchObject([
			{
				...{ name: "a.eval.yaml (default)", package: "a.eval.yaml", time: "2.468", timestamp: "2026-01-02T03:04:05" },
				cases: [
					{ name: "t", classname: "a.eval.yaml", time: "1.234" },
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
				cases: [{ error: { type: "timeout", message: "no answer within 5 s", text: "target: no answer within 5 s" } }],
			},
		]);
	});

	test("has one case for all attempts of a test, which fails where the run counts it as failed", async () => {
		const attempts = [failing({}), row({ attempt: 2 }), unrun({ attempt: 3 })];
		const [any] = await documentOf(attempts, { count: 3, strategy: "pass_any" });
		expect(any?.cases).toEqual([{ name: "t", classname: "a.eval.yaml", time: "3.702" }]);
		const [all] = await documentOf(attempts, { count: 3, strategy: "pass_all" });
		expect(all?.cases).toMatchObject([
			{ failure: { message: "1 of 3 attempts passed, least score 0.25, threshold 0.8" } },
		]);
		const [unfinished] = await documentOf(attempts, { count: 4, strategy: "mean" });
		expect(unfinished?.cases).toMatchObject([
			{ error: { type: "unfinished", message: "not finished: 3 of 4 attempts were made" } },
		]);
	});

	test("is valid whatever the ids, answers and errors hold", async () => {
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
