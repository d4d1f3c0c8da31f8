import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runTree } from "./testing/run-fixture.ts";

/** Answers with the whole conversation that it was given. */
const echo = 'targets: [{name: default, provider: cli, command: [cat, "{PROMPT_FILE}"]}]\n';
const talk = (more: string, turns: readonly string[]) => ({
	"my.eval.yaml": `tests:\n  - id: t\n    mode: conversation\n${more}    turns:\n${turns.map((turn) => `      - ${turn}\n`).join("")}`,
	"targets.yaml": echo,
});

describe("a conversation", () => {
	test("holds everything said before", async () => {
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

	test("is scored by the mean, the least or the best turn", async () => {
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

	test("scores nothing where a required grader of any turn fails", async () => {
		const run = await runTree(
			talk("    aggregation: max\n", [
				"{input: a, assertions: [{type: contains, value: a}]}",
				"{input: b, assertions: [{type: contains, value: never, required: true}]}",
			]),
		);
		expect(run.row("t")).toMatchObject({ executionStatus: "quality_failure", score: 0 });
	});

	test("may stop at a turn that fails; what was not said counts as failed", async () => {
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
