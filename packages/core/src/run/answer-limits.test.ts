import { expect, test } from "vitest";
import { verifyRun } from "../results/verify-run.ts";
import { callFailure } from "../targets/language-model.ts";
import { readAnswer } from "../targets/read-answer.ts";
import { modelServer } from "../targets/testing/model-server.ts";
import { vendors } from "../targets/testing/vendors.ts";
import { runTree } from "./testing/run-fixture.ts";

const tooLarge = { stage: "target", code: "answer-too-large", causedBy: "agent" };
const evalText = (more = "") => `assertions: [{type: contains, value: hello}]\ntests: [{id: one, input: hi${more}}]\n`;

test("a model's answer above the limit is an error of the agent in each attempt, and the record can be verified", async () => {
	const [chat] = vendors;
	if (!chat) throw new Error("no vendor");
	const answer = chat.answer(`hello${"x".repeat(70_000_000)}`);
	const { url } = await modelServer(() => ({ json: answer }));
	const run = await runTree(
		{
			"my.eval.yaml": evalText(", repeat: {count: 2}"),
			"targets.yaml": `targets: [{name: default, provider: openai, model: m, base_url: "${url}/v1", api_key: $KEY}]\n`,
		},
		{ env: { KEY: "k-1234567890" } },
	);
	for (const attempt of [1, 2])
		expect(run.row("one", attempt)).toMatchObject({ error: tooLarge, tokenUsage: { input: 120, output: 30 } });
	expect(await verifyRun(run.runDir)).toMatchObject({ differences: [] });
});

test.each([
	["prints", 'process.stdout.write("hello"); for (let i = 0; i < 65; i++) process.stdout.write("x".repeat(2 ** 20));'],
	[
		"sends as messages",
		'console.log(JSON.stringify({ output_messages: Array.from({ length: 20_001 }, () => ({ role: "assistant", content: "hello" })) }));',
	],
	[
		"sends as tool calls",
		'console.log(JSON.stringify({ output_messages: [{ role: "assistant", content: "hello", tool_calls: Array.from({ length: 20_000 }, () => ({ tool: "t" })) }] }));',
	],
])("an answer above the limit that a program %s is an error of the agent", async (_, source) => {
	const run = await runTree({
		"my.eval.yaml": evalText(),
		"agent.mjs": source,
		"targets.yaml": "targets: [{name: default, provider: cli, command: [node, ./agent.mjs]}]\n",
	});
	expect(run.row("one")).toMatchObject({ executionStatus: "execution_error", error: tooLarge });
	expect(await verifyRun(run.runDir)).toMatchObject({ differences: [] });
});

test("an answer at the limit is read quickly", () => {
	const message = { role: "assistant", content: "hello" };
	const answer = (count: number) => JSON.stringify({ output_messages: Array.from({ length: count }, () => message) });
	const started = performance.now();
	expect(readAnswer(answer(20_000)).messages).toHaveLength(20_000);
	// Reading stops as soon as the answer is above the limit.
	expect(readAnswer(answer(200_000)).messages).toHaveLength(20_001);
	expect(performance.now() - started).toBeLessThan(2000);
});

test.each([
	["ERR_HTTP_ANSWER_TOO_LONG", { code: "answer-too-large", causedBy: "agent", retryable: false }],
	["ERR_HTTP_STATUS", { code: "bad-answer", causedBy: "provider" }],
	["HPE_INVALID_CONSTANT", { code: "bad-answer", causedBy: "provider" }],
])("an answer that fails with %s has a known cause", (code, failure) => {
	const error = new Error("cannot connect", { cause: Object.assign(new Error("why"), { code }) });
	expect(callFailure(error, new AbortController().signal)).toMatchObject(failure);
});
