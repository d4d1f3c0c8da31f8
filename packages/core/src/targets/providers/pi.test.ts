import { describe, expect, it } from "vitest";
import { fakeAgent } from "../testing/fake-agent.ts";
import { request, targetFrom } from "../testing/target-from.ts";
import { pi } from "./pi.ts";

const usage = (input: number, output: number, total: number) => ({
	input,
	output,
	cacheRead: 100,
	cacheWrite: 10,
	totalTokens: input + output + 110,
	cost: { input: 0.001, output: 0.002, cacheRead: 0, cacheWrite: 0, total },
});
const message = (content: unknown[], more: object) => ({
	type: "message_end",
	message: {
		role: "assistant",
		content,
		api: "anthropic-messages",
		provider: "anthropic",
		model: "claude-sonnet-4-5",
		...more,
	},
});
const call = { type: "toolCall", id: "call_1", name: "bash", arguments: { command: "ls -la" } };
const failed = message([], { usage: usage(0, 0, 0), stopReason: "error", errorMessage: "529 overloaded" });
const stream = [
	{ type: "session", version: 3, id: "b6c1", timestamp: "2026-01-01T00:00:00.000Z", cwd: "/work" },
	{ type: "agent_start" },
	{ type: "turn_start" },
	{ type: "message_end", message: { role: "user", content: [{ type: "text", text: "fix the greeting" }] } },
	{
		type: "message_update",
		message: {},
		assistantMessageEvent: { type: "text_delta", contentIndex: 0, delta: "I'll" },
	},
	failed,
	{ type: "auto_retry_start", attempt: 1, maxAttempts: 3, delayMs: 2000, errorMessage: "529 overloaded" },
	message([{ type: "thinking", thinking: "hm" }, { type: "text", text: "I'll look." }, call], {
		usage: usage(500, 40, 0.004),
		stopReason: "toolUse",
	}),
	{ type: "tool_execution_start", toolCallId: "call_1", toolName: "bash", args: { command: "ls -la" } },
	{
		type: "tool_execution_end",
		toolCallId: "call_1",
		toolName: "bash",
		result: { content: [{ type: "text", text: "greet.js" }], details: {} },
		isError: false,
	},
	{
		type: "message_end",
		message: { role: "toolResult", toolCallId: "call_1", content: [{ type: "text", text: "greet.js" }] },
	},
	message(
		[
			{ type: "text", text: "The greeting " },
			{ type: "text", text: "is fixed." },
		],
		{
			usage: usage(700, 20, 0.006),
			stopReason: "stop",
		},
	),
	{ type: "turn_end", message: {}, toolResults: [] },
	{ type: "agent_end", messages: [] },
];

function piThat(lines: readonly (string | object)[], settings = {}) {
	const agent = fakeAgent("pi", { lines });
	return { agent, target: targetFrom(pi, { executable: agent.path, ...settings }, { env: {} }) };
}

describe("pi-cli", () => {
	it("returns messages, tool calls, usage and cost, and ignores an error that pi recovered from", async () => {
		const outcome = await piThat(stream).target.invoke(request("fix the greeting"));
		expect(outcome).toMatchObject({
			ok: true,
			answer: {
				text: "The greeting is fixed.",
				messages: [
					{ content: "I'll look.", toolCalls: [{ tool: "bash", input: { command: "ls -la" }, output: "greet.js" }] },
					{ content: "The greeting is fixed." },
				],
				tokenUsage: { input: 1530, output: 60, cached: 300 },
				metadata: { model: "claude-sonnet-4-5" },
			},
		});
		expect(outcome.ok && outcome.answer.costUsd).toBeCloseTo(0.01, 10);
	});

	it("reports a truncated answer, and no tokens if one call does not report them", async () => {
		const cut = message([{ type: "text", text: "The greeting" }], { usage: { output: 5 }, stopReason: "length" });
		const outcome = await piThat([...stream.slice(0, -3), cut, { type: "agent_end", messages: [] }]).target.invoke(
			request("fix"),
		);
		expect(outcome).toMatchObject({ ok: true, answer: { stopReason: "length", text: "The greeting" } });
		expect(outcome).not.toHaveProperty("answer.tokenUsage");
		expect(outcome).not.toHaveProperty("answer.costUsd");
	});

	it("receives the prompt on stdin, so that an initial @ does not refer to a file", async () => {
		const settings = { subprovider: "google", model: "gemini-3-pro", thinking: "high", api_key: "secret-of-google" };
		const { agent, target } = piThat(stream, settings);
		await target.invoke(request("@everyone, hello"));
		const [asked] = agent.calls();
		expect(asked?.stdin).toBe("@everyone, hello");
		expect(asked?.argv.join(" ")).toBe(
			"--mode json --print --no-session --provider google --model gemini-3-pro --thinking high",
		);
		expect(asked?.env["GEMINI_API_KEY"]).toBe("secret-of-google");
	});

	it("reports a failed model", async () => {
		const outcome = await piThat([...stream.slice(0, 5), failed]).target.invoke(request("fix"));
		expect(outcome).toMatchObject({
			ok: false,
			failure: { code: "agent-failed", message: "529 overloaded", retryable: true },
		});
	});
});
