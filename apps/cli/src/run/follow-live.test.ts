import { type ResultRow, type RunEvent, terminalSafe } from "@agentv/core";
import { describe, expect, test } from "vitest";
import { colorsFor } from "../terminal/colors.ts";
import { displayWidth } from "./fit-line.ts";
import { type LiveState, liveView, newLiveState, track } from "./follow-live.ts";
import { TargetTally } from "./summary-text.ts";

const plain = colorsFor({ write: () => undefined, isTTY: false, columns: 80, color: false });
const name = (index: number, testId = `test-${index}`) => ({
	...{ index, eval: "my.eval.yaml", testId, target: "default", attempt: 1 },
});
const row = (more: Partial<ResultRow> = {}): ResultRow => ({
	...{ timestamp: "", testId: "t", eval: "my.eval.yaml", target: "default", attempt: 1, score: 1, threshold: 0.8 },
	...{ executionStatus: "ok", scores: [], durationMs: 10, metadata: {}, ...more },
});

function stateAfter(...events: readonly RunEvent[]): LiveState {
	const state = newLiveState();
	for (const event of events) track(state, event);
	return state;
}

const view = (state: LiveState, columns: number, rows = 24) =>
	liveView(state, performance.now() + 2400, { columns, rows }, plain).split("\n");

const started = (planned: number, alreadyDone = 0): RunEvent => ({
	...{ type: "started", runDir: "/r", planned, alreadyDone, experiment: "default" },
});

describe("the live view", () => {
	test("counts what is done, shows what runs and for how long", () => {
		const result = { status: "passed", score: 1, attempts: 1 } as const;
		const state = stateAfter(
			started(3),
			{ type: "attempt-started", ...name(0) },
			{ type: "attempt-finished", ...name(0), row: row({ costUsd: 0.25 }) },
			{ type: "case-finished", ...name(0), result },
			{ type: "attempt-started", ...name(1) },
		);
		expect(view(state, 80)).toEqual(["1/3  1 passed  0 failed  $0.25", "  ▸ test-1 (default) 2.4s"]);
		track(state, { type: "stopping", reason: "interrupted" });
		expect(view(state, 80)[0]).toContain("stopping");
	});

	test("counts what a resumed run had finished before", () => {
		expect(view(stateAfter(started(10, 9)), 80)).toEqual(["9/10  0 passed  0 failed"]);
	});

	test.each([
		[80, 24],
		[40, 12],
		[20, 5],
		[40, 2],
	])("keeps within %i columns and %i lines, whatever tests are called", (columns, rows) => {
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
			expect(displayWidth(line)).toBeLessThanOrEqual(columns);
			expect(line).toBe(terminalSafe(line));
		}
	});
});

describe("the table of targets", () => {
	const tally = new TargetTally();
	tally.add(row({ target: "日本" }));
	tally.add(row({ target: "a-longer-name", score: 0.5, executionStatus: "quality_failure", costUsd: 1 }));

	test("is aligned by what is seen", () => {
		expect(tally.table(plain, 80)).toBe(
			[
				"Target         Passed  Failed  Errors  Mean score  Mean time   Cost",
				"日本                1       0       0        1.00       10ms      –",
				"a-longer-name       0       1       0        0.50       10ms  $1.00",
			].join("\n"),
		);
	});

	test("becomes short lines where it does not fit", () => {
		expect(tally.table(plain, 40).split("\n").slice(0, 3)).toEqual([
			"日本",
			"  1 passed, 0 failed, 0 errors",
			"  mean score 1.00, time 10ms, cost –",
		]);
	});
});
