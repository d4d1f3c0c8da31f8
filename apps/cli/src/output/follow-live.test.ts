import { type CaseOutcome, type ResultRow, type RunEvent, RunTally, terminalSafe } from "@agentv/core";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { type LiveState, liveView, newLiveState, track } from "./live.ts";
import { targetTable } from "./run.ts";
import { colorsFor } from "./terminal.ts";

const plain = colorsFor({ write: () => undefined, isTTY: false, columns: 80, color: false });
const name = (index: number, testId = `test-${index}`) => ({
	...{ index, eval: "my.eval.yaml", testId, target: "default", attempt: 1 },
});
const row = (more: Partial<ResultRow> = {}): ResultRow => ({
	...{ timestamp: "", testId: "t", eval: "my.eval.yaml", target: "default", attempt: 1, score: 1, threshold: 0.8 },
	...{ executionStatus: "ok", scores: [], durationMs: 10, metadata: {}, ...more },
});

const judged = (costUsd: number): ResultRow["scores"][number] => ({
	...{ name: "judge", type: "llm-grader", score: 1, weight: 1, verdict: "pass", assertions: [] },
	usage: { target: "judge", costUsd },
});

function stateAfter(...events: readonly RunEvent[]): LiveState {
	const state = newLiveState();
	for (const event of events) track(state, event);
	return state;
}

const view = (state: LiveState, columns: number, rows = 24) =>
	liveView(state, performance.now() + 2400, { columns, rows }, plain).split("\n");

const started = (planned: number, passed = 0): RunEvent => ({
	...{ type: "started", runDir: "/r", planned, alreadyDone: passed, experiment: "default" },
	before: {
		...{ planned, passed, failed: 0, errors: 0, meanScore: null, durationMs: 0, tokenUsage: null },
		costUsd: passed > 0 ? 0.5 : null,
	},
});

describe("the live view", () => {
	test("counts finished tests and shows running ones with their duration", () => {
		const result = { status: "passed", score: 1, lowest: 1, attempts: 1 } as const;
		const state = stateAfter(
			started(3),
			{ type: "attempt-started", ...name(0) },
			{ type: "attempt-finished", ...name(0), row: row({ costUsd: 0.25, scores: [judged(0.05)] }) },
			{ type: "case-finished", ...name(0), result },
			{ type: "attempt-started", ...name(1) },
		);
		expect(view(state, 80)).toEqual([
			"1/3  1 passed  0 failed  $0.30 = target $0.25 + judging $0.05",
			"  ▸ test-1 (default) 2.4s",
		]);
		track(state, { type: "stopping", reason: "interrupted" });
		expect(view(state, 80)[0]).toContain("stopping");
	});

	test("includes the tests that a resumed run had already finished", () => {
		expect(view(stateAfter(started(10, 9)), 80)).toEqual(["9/10  9 passed  0 failed  $0.50"]);
	});

	test.each([
		[80, 24],
		[40, 12],
		[20, 5],
		[40, 2],
	])("fits into %i columns and %i lines with any test names", (columns, rows) => {
		const ids = [
			"x".repeat(10_000),
			"日本語".repeat(40),
			"\u001b[2J\n",
			...Array.from({ length: 500 }, (_, i) => `t${i}`),
		];
		const state = stateAfter(
			started(ids.length),
			...ids.map((id, index): RunEvent => ({ type: "attempt-started", ...name(index, id) })),
		);
		const lines = view(state, columns, rows);
		expect(lines.length).toBeLessThan(rows);
		for (const line of lines) {
			expect(stringWidth(line)).toBeLessThanOrEqual(columns);
			expect(line).toBe(terminalSafe(line));
		}
	});
});

describe("the table of targets", () => {
	const repeat = { count: 2, strategy: "pass_any", earlyExit: false } as const;
	const tally = new RunTally({
		evals: [{ file: "e", path: "/e", name: "e", digest: "" }],
		planned: [
			[0, "a", "日本", repeat],
			[0, "b", "a-longer-name"],
		],
	});
	const outcome = (target: string, status: CaseOutcome["status"], attempts: readonly ResultRow[]): CaseOutcome => ({
		...{
			eval: "e",
			testId: "t",
			target,
			status,
			score: attempts[0]?.score,
			lowest: attempts[0]?.score,
			repeat,
			attempts,
		},
	});
	tally.add(outcome("日本", "passed", [row({ scores: [judged(0.5)] }), row({ executionStatus: "quality_failure" })]));
	const failed = row({ score: 0.5, executionStatus: "quality_failure", costUsd: 1 });
	tally.add(outcome("a-longer-name", "failed", [failed]));

	test("counts tests, not attempts, and is aligned by display width", () => {
		expect(targetTable(tally, plain, 100)).toBe(
			[
				"Target         Passed  Failed  Not graded  Mean score  Mean time   Cost  Judging",
				"日本                1       0           0        1.00       20ms      –    $0.50",
				"a-longer-name       0       1           0        0.50       10ms  $1.00        –",
			].join("\n"),
		);
	});

	test("is split into short lines if it is too wide", () => {
		expect(targetTable(tally, plain, 40).split("\n").slice(0, 4)).toEqual([
			"日本",
			"  1 passed, 0 failed, 0 not graded",
			"  mean score 1.00, mean time 20ms",
			"  cost –, judging $0.50",
		]);
	});
});
