import { expect, test } from "vitest";
import { type TargetAnswer, withCheckedFigures } from "./contract.ts";

function checked(answer: Partial<TargetAnswer>): TargetAnswer {
	const outcome = withCheckedFigures({ ok: true, answer: { text: "x", messages: [], ...answer } });
	if (!outcome.ok) throw new Error("an answer stays one");
	return outcome.answer;
}

test.each([
	["costUsd", -1],
	["costUsd", Number.NaN],
	["costUsd", 1e12],
	["durationMs", -1],
	["durationMs", 1e15],
	["llmCalls", 1.5],
	["llmCalls", 1e15],
] as const)("omits a %s of %d with a warning", (key, value) => {
	const answer = checked({ [key]: value });
	expect(answer).not.toHaveProperty(key);
	expect(answer.warnings).toEqual([expect.stringContaining("which is impossible")]);
});

test.each([
	{ input: -1, output: 1 },
	{ input: 1, output: 0.5 },
	{ input: 1e15, output: 1 },
])("omits tokens of %j with a warning", (tokenUsage) => {
	const answer = checked({ tokenUsage });
	expect(answer).not.toHaveProperty("tokenUsage");
	expect(answer.warnings).toEqual([expect.stringContaining("which is impossible")]);
});

test("keeps possible figures without a warning", () => {
	const figures = { costUsd: 0, durationMs: 86_400_000, llmCalls: 0, tokenUsage: { input: 2_000_000_000, output: 0 } };
	expect(checked(figures)).toEqual({ text: "x", messages: [], ...figures });
});

test("omits data of tool calls that is too deep for a record, with a warning", () => {
	const deep: unknown = JSON.parse("[".repeat(20_000) + "]".repeat(20_000));
	const call = { tool: "edit", input: deep, output: "done" };
	const answer = checked({ messages: [{ role: "assistant", content: "x", toolCalls: [call] }] });
	expect(answer.messages[0]?.toolCalls).toEqual([{ tool: "edit", output: "done" }]);
	expect(answer.warnings).toEqual([expect.stringContaining("levels deep")]);
});
