import { describe, expect, it } from "vitest";
import { fakeAgent } from "../testing/fake-agent.ts";
import { request, targetFrom } from "../testing/target-from.ts";
import { copilot } from "./copilot.ts";

const sessionId = "0cb916db-26aa-40f2-86b5-1ba81b225fd2";
const event = (type: string, data: object) => ({
	id: "e",
	timestamp: "2026-10-03T11:00:00.000Z",
	parentId: null,
	type,
	data,
});
const result = (exitCode: number) => ({
	type: "result",
	timestamp: "2026-10-03T11:00:09.876Z",
	sessionId,
	exitCode,
	usage: { premiumRequests: 1, totalApiDurationMs: 8123, sessionDurationMs: 9876, codeChanges: { linesAdded: 4 } },
});
const call = { toolCallId: "c1", name: "bash", arguments: { command: "ls" } };
const stream = [
	event("session.start", { sessionId, version: 1, copilotVersion: "1.0.22", selectedModel: "claude-sonnet-4.5" }),
	event("user.message", { content: "fix the greeting" }),
	event("assistant.turn_start", { turnId: "0" }),
	event("assistant.message_delta", { messageId: "m1", deltaContent: "I'll" }),
	event("assistant.message", { messageId: "m1", content: "I'll look.", outputTokens: 48, toolRequests: [call] }),
	event("tool.execution_start", { toolCallId: "c1", toolName: "bash", arguments: { command: "ls" } }),
	event("tool.execution_complete", { toolCallId: "c1", success: true, result: { content: "greet.js" } }),
	event("assistant.message", {
		messageId: "m2",
		content: "Sub-agent notes.",
		outputTokens: 30,
		parentToolCallId: "c1",
	}),
	event("tool.execution_start", { toolCallId: "c2", toolName: "edit", arguments: { path: "greet.js" } }),
	event("tool.execution_complete", { toolCallId: "c2", success: false, error: { message: "denied" } }),
	event("assistant.message", { messageId: "m3", content: "The greeting is fixed.", outputTokens: 212 }),
	event("assistant.turn_end", { turnId: "0" }),
];

function copilotThat(lines: readonly (string | object)[], exitCode = 0, settings = {}) {
	const agent = fakeAgent("copilot", { lines, exitCode });
	return { agent, target: targetFrom(copilot, { executable: agent.path, ...settings }, { env: {} }) };
}

describe("copilot-cli", () => {
	it("returns messages, tool calls and the usage that it reports", async () => {
		const outcome = await copilotThat([...stream, result(0)]).target.invoke(request("fix the greeting"));
		expect(outcome).toMatchObject({
			ok: true,
			answer: {
				text: "The greeting is fixed.",
				durationMs: 9876,
				session: sessionId,
				metadata: { model: "claude-sonnet-4.5", premium_requests: 1, output_tokens: 290 },
			},
		});
		const messages = outcome.ok ? outcome.answer.messages : [];
		expect(messages.map(({ content }) => content)).toEqual(["I'll look.", "The greeting is fixed."]);
		expect(messages.flatMap(({ toolCalls }) => toolCalls ?? [])).toMatchObject([
			{ tool: "bash", input: { command: "ls" }, output: "greet.js" },
			{ tool: "edit", input: { path: "greet.js" }, output: { error: { message: "denied" } } },
		]);
		// It doesn't report tokens.
		expect(outcome.ok && outcome.answer.tokenUsage).toBeUndefined();
	});

	it("counts tokens if its version reports them", async () => {
		const usage = { model: "claude-sonnet-5", inputTokens: 40_000, outputTokens: 120, cacheReadTokens: 30_000 };
		const { target } = copilotThat([...stream, event("assistant.usage", usage), result(0)]);
		expect(await target.invoke(request("fix"))).toMatchObject({
			answer: {
				tokenUsage: { input: 40_000, output: 120, cached: 30_000 },
				llmCalls: 1,
				metadata: { model: "claude-sonnet-5" },
			},
		});
	});

	it("receives the prompt on stdin", async () => {
		const { agent, target } = copilotThat([...stream, result(0)], 0, { model: "gpt-5.2" });
		await target.invoke(request("fix", { session: sessionId }));
		expect(agent.calls()[0]?.argv.join(" ")).toBe(
			`--output-format json --no-color --allow-all-tools --no-ask-user --model gpt-5.2 --resume=${sessionId}`,
		);
	});

	it("reports a failed session, and its output without events", async () => {
		const error = event("session.error", {
			errorType: "rate_limit",
			message: "user_weekly_rate_limited",
			statusCode: 429,
		});
		const failed = await copilotThat([stream[0] ?? {}, error, result(1)], 1).target.invoke(request("fix"));
		expect(failed).toMatchObject({ ok: false, failure: { code: "agent-failed", message: "user_weekly_rate_limited" } });
		const refused = await copilotThat(["Error: Authentication token found but could not be validated."], 1);
		const outcome = await refused.target.invoke(request("fix"));
		expect(!outcome.ok && outcome.failure.message).toContain("could not be validated");
	});
});
