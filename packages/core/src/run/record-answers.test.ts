import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { planRun } from "./plan-run.ts";
import { recordAnswers } from "./run-evals.ts";
import { machineIn, runTree } from "./testing/run-fixture.ts";

const evalText = `tests:
  - {id: b, input: hi, criteria: It greets.}
  - {id: a, input: hi, assertions: [{type: contains, value: never}]}
  - {id: t, input: talk, turns: [{input: one, assertions: [{type: contains, value: x}]}, {input: two}], mode: conversation}
`;

async function record(targets: string, env: Record<string, string> = {}) {
	const root = tempTree({ "my.eval.yaml": evalText, "targets.yaml": targets });
	const machine = machineIn(root, env);
	const plan = planRun({ evals: [join(root, "my.eval.yaml")], ungraded: true, workers: 3 }, machine);
	const file = join(root, "answers.jsonl");
	const recorded = await recordAnswers(plan, machine, { file, signal: new AbortController().signal });
	return { root, file, recorded };
}

describe("recording answers", () => {
	test("writes every test's answers in order, without grading them", async () => {
		const { file, recorded } = await record(
			"targets: [{name: default, provider: mock, response: my token-0123456789}]",
			{
				MY_TOKEN: "token-0123456789",
			},
		);
		expect(recorded).toEqual({ recorded: 3, missing: [], outcome: "complete" });
		const lines = readFileSync(file, "utf8").trim().split("\n");
		expect(lines.map((line) => JSON.parse(line))).toMatchObject([
			{ test_id: "b", output: "my ***" },
			{ test_id: "a", output: "my ***" },
			{ test_id: "t", output: "my ***" },
			{ test_id: "t", output: "my ***" },
		]);
	});

	test("records tool calls and figures, which a replay returns", async () => {
		const answer = JSON.stringify({
			output: [{ role: "assistant", content: "done", tool_calls: [{ tool: "edit", input: { filePath: "x" } }] }],
			token_usage: { input: 5, output: 7 },
			cost_usd: 0.5,
		});
		const command = ["node", "-e", `console.log(${JSON.stringify(answer)})`];
		const { root } = await record(JSON.stringify({ targets: [{ name: "default", provider: "cli", command }] }));
		const replayed = await runTree({
			"answers.jsonl": readFileSync(join(root, "answers.jsonl"), "utf8"),
			"my.eval.yaml":
				"tests: [{id: a, input: hi, assertions: [{type: tool-trajectory, mode: exact, expected: [{tool: edit, args: {filePath: x}}]}]}]\n",
			"targets.yaml": "targets: [{name: default, provider: replay, fixtures: ./answers.jsonl}]\n",
		});
		expect(replayed.row("a")).toMatchObject({ score: 1, tokenUsage: { input: 5, output: 7 }, costUsd: 0.5 });
	});

	test("reports the tests without an answer, and writes no file if none has one", async () => {
		const { file, recorded } = await record('targets: [{name: default, provider: cli, command: "false"}]');
		expect(recorded.missing.map(({ testId }) => testId).sort()).toEqual(["a", "b", "t"]);
		expect(() => readFileSync(file)).toThrow();
	});
});
