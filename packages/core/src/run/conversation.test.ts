import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runTree } from "./testing/run-fixture.ts";

/** Answers with the whole conversation that it received. */
const echo = 'targets: [{name: default, provider: cli, command: [cat, "{PROMPT_FILE}"]}]\n';
const talk = (more: string, turns: readonly string[]) => ({
	"my.eval.yaml": `tests:\n  - id: t\n    mode: conversation\n${more}    turns:\n${turns.map((turn) => `      - ${turn}\n`).join("")}`,
	"targets.yaml": echo,
});

describe("a conversation", () => {
	test("contains all previous messages", async () => {
		const run = await runTree(
			talk(
				"",
				[
					"{input: first, assertions: [{type: equals, value: first}]}",
					"{input: second, assertions: [{type: contains-all, value: ['[user]\\nfirst', '[assistant]\\nfirst', '[user]\\nsecond']}]}",
				].map((turn) => turn.replaceAll("'[", '"[').replaceAll("first'", 'first"').replaceAll("second'", 'second"')),
			),
		);
		expect(run.row("t")).toMatchObject({ executionStatus: "ok", score: 1 });
		expect(run.row("t").scores.map(({ name }) => name)).toEqual(["turn 1: equals", "turn 2: contains-all"]);
		const detail = JSON.parse(readFileSync(join(run.runDir, run.row("t").file ?? ""), "utf8"));
		expect(detail.turns).toMatchObject([{ input: "first", output: "first", score: 1 }, { input: "second" }]);
	});

	test("has the mean, minimum or maximum score of its turns", async () => {
		const turns = [
			"{input: a, assertions: [{type: contains, value: a}]}",
			"{input: b, assertions: [{type: contains, value: never}]}",
		];
		const score = async (aggregation: string) =>
			(await runTree(talk(`    aggregation: ${aggregation}\n`, turns))).row("t").score;
		expect(await score("mean")).toBe(0.5);
		expect(await score("min")).toBe(0);
		expect(await score("max")).toBe(1);
	});

	test("scores 0 if a required grader of any turn fails", async () => {
		const run = await runTree(
			talk("    aggregation: max\n", [
				"{input: a, assertions: [{type: contains, value: a}]}",
				"{input: b, assertions: [{type: contains, value: never, required: true}]}",
			]),
		);
		expect(run.row("t")).toMatchObject({ executionStatus: "quality_failure", score: 0 });
	});

	test("may stop at a failed turn, and the remaining turns count as failed", async () => {
		const run = await runTree(
			talk("    on_turn_failure: stop\n", [
				"{input: a, assertions: [{type: contains, value: a}]}",
				"{input: b, assertions: [{type: contains, value: never}]}",
				"{input: c, assertions: [{type: contains, value: c}]}",
			]),
		);
		expect(run.row("t").score).toBeCloseTo(1 / 3);
		expect(run.row("t").scores).toHaveLength(2);
	});
});
