import { describe, expect, it } from "vitest";
import { fakeAgent } from "../testing/fake-agent.ts";
import { request, targetFrom } from "../testing/target-from.ts";
import { claude } from "./claude.ts";

const session_id = "5f0b7c1e-93f4-4d4b-9f43-0a3a5c6f1d11";
const assistant = (content: unknown[], parent: string | null = null) => ({
	type: "assistant",
	message: {
		id: "msg_01",
		type: "message",
		role: "assistant",
		model: "claude-sonnet-4-5-20250929",
		content,
		stop_reason: null,
	},
	parent_tool_use_id: parent,
	session_id,
	uuid: "u",
});
const toolResult = (tool_use_id: string, content: unknown, is_error = false, parent: string | null = null) => ({
	type: "user",
	message: { role: "user", content: [{ tool_use_id, type: "tool_result", content, is_error }] },
	parent_tool_use_id: parent,
	session_id,
});
const result = (more: object = {}) => ({
	type: "result",
	subtype: "success",
	is_error: false,
	duration_ms: 8120,
	duration_api_ms: 7900,
	num_turns: 3,
	result: "The greeting is fixed.",
	session_id,
	total_cost_usd: 0.0312,
	usage: {
		input_tokens: 12,
		cache_creation_input_tokens: 400,
		cache_read_input_tokens: 15_000,
		output_tokens: 210,
		server_tool_use: { web_search_requests: 0 },
		service_tier: "standard",
	},
	modelUsage: {},
	permission_denials: [],
	uuid: "u",
	...more,
});
const init = {
	type: "system",
	subtype: "init",
	cwd: "/work",
	session_id,
	tools: ["Task", "Bash", "Edit", "Read"],
	mcp_servers: [],
	model: "claude-sonnet-4-5-20250929",
	permissionMode: "bypassPermissions",
	apiKeySource: "ANTHROPIC_API_KEY",
};

const stream = [
	init,
	assistant([{ type: "thinking", thinking: "Let me look.", signature: "s" }]),
	assistant([{ type: "text", text: "I'll read the file." }]),
	assistant([{ type: "tool_use", id: "toolu_1", name: "Read", input: { file_path: "/work/greet.js" } }]),
	toolResult("toolu_1", "console.log('helo')"),
	assistant([{ type: "tool_use", id: "toolu_2", name: "Task", input: { prompt: "fix it" } }]),
	assistant([{ type: "text", text: "Sub-agent talk." }], "toolu_2"),
	assistant([{ type: "tool_use", id: "toolu_3", name: "Edit", input: { file_path: "greet.js" } }], "toolu_2"),
	toolResult("toolu_3", [{ type: "text", text: "String not found" }], true, "toolu_2"),
	toolResult("toolu_2", [{ type: "text", text: "done" }]),
	assistant([{ type: "text", text: "The greeting is fixed." }]),
	result(),
];

function claudeThat(
	lines: readonly (string | object)[],
	more: { exitCode?: number; stderr?: string } = {},
	settings = {},
) {
	const agent = fakeAgent("claude", { lines, ...more });
	return { agent, target: targetFrom(claude, { executable: agent.path, ...settings }, { env: {} }) };
}

describe("claude", () => {
	it.each([
		[{ stop_reason: "refusal" }, "refusal"],
		[{ stop_reason: "max_tokens" }, "length"],
		[{ stop_reason: "end_turn" }, undefined],
	])("reports why its answer ended: %j", async (more, stopReason) => {
		const outcome = await claudeThat([...stream.slice(0, -1), result(more)]).target.invoke(request("fix"));
		expect(outcome.ok && outcome.answer.stopReason).toBe(stopReason);
		const last = { ...assistant([{ type: "text", text: "No." }]) };
		const said = { ...last, message: { ...last.message, ...more } };
		const older = await claudeThat([...stream.slice(0, -2), said, result()]).target.invoke(request("fix"));
		expect(older.ok && older.answer.stopReason).toBe(stopReason);
	});

	it("returns messages, tool calls, usage and cost", async () => {
		const outcome = await claudeThat(stream).target.invoke(request("fix the greeting"));
		expect(outcome).toMatchObject({
			ok: true,
			answer: {
				text: "The greeting is fixed.",
				messages: [
					{
						role: "assistant",
						content: "I'll read the file.",
						toolCalls: [
							{ tool: "Read", id: "toolu_1", input: { file_path: "/work/greet.js" }, output: "console.log('helo')" },
							{ tool: "Task", output: "done" },
							{ tool: "Edit", output: { error: "String not found" } },
						],
					},
					{ role: "assistant", content: "The greeting is fixed." },
				],
				tokenUsage: { input: 15_412, output: 210, cached: 15_000 },
				costUsd: 0.0312,
				llmCalls: 3,
				durationMs: 8120,
				session: session_id,
				metadata: { model: "claude-sonnet-4-5-20250929", session_id },
			},
		});
		const calls = outcome.ok ? (outcome.answer.messages[0]?.toolCalls ?? []) : [];
		for (const { durationMs } of calls) expect(durationMs).toBeGreaterThanOrEqual(0);
	});

	it("runs in print mode with the prompt on stdin and the target's settings as options", async () => {
		const settings = {
			model: "sonnet",
			max_turns: 7,
			system_prompt: "Be terse.",
			permission_mode: "acceptEdits",
			args: ["--add-dir", "/x"],
		};
		const { agent, target } = claudeThat(stream, {}, settings);
		await target.invoke(request("--version is a fine way to begin a prompt"));
		const [call] = agent.calls();
		expect(call?.stdin).toBe("--version is a fine way to begin a prompt");
		expect(call?.argv.join(" ")).toBe(
			"--print --output-format stream-json --verbose --model sonnet --permission-mode acceptEdits --max-turns 7 --append-system-prompt Be terse. --add-dir /x",
		);
	});

	it("continues its session with only the new messages", async () => {
		const { agent, target } = claudeThat(stream);
		const said = (role: "user" | "assistant", text: string) => ({ role, content: [{ type: "text" as const, text }] });
		const messages = [said("user", "first"), said("assistant", "yes"), said("user", "second")];
		await target.invoke(request(messages, { session: session_id }));
		const [call] = agent.calls();
		expect(call?.stdin).toBe("second");
		expect(call?.argv.slice(-2)).toEqual(["--resume", session_id]);
	});

	it.each([
		[{ subtype: "error_max_turns", result: undefined }, "error_max_turns", false],
		[{ is_error: true, result: "API Error: 529 overloaded_error" }, "529", true],
		[{ is_error: true, result: "Credit balance is too low" }, "Credit balance", false],
		[
			{ subtype: "error_during_execution", errors: ["socket closed"], result: undefined },
			"error_during_execution",
			true,
		],
	])("reports that it failed: %o", async (more, words, retryable) => {
		const { target } = claudeThat([...stream.slice(0, -1), result(more)], { exitCode: 1 });
		const outcome = await target.invoke(request("fix"));
		expect(outcome).toMatchObject({
			ok: false,
			failure: { code: "agent-failed", retryable, partial: { costUsd: 0.0312 } },
		});
		expect(!outcome.ok && outcome.failure.message).toContain(words);
	});

	it("fails if the stream is incomplete", async () => {
		const outcome = await claudeThat(stream.slice(0, 4)).target.invoke(request("fix"));
		expect(outcome).toMatchObject({ ok: false, failure: { code: "no-output", retryable: true } });
	});
});
