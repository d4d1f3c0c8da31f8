import { describe, expect, it } from "vitest";
import { fakeAgent } from "../testing/fake-agent.ts";
import { request, targetFrom } from "../testing/target-from.ts";
import { codex } from "./codex.ts";

const thread = "0199a213-81c0-7800-8aa1-bbab2a035a53";
const command = { id: "item_1", type: "command_execution", command: "bash -lc ls" };
const mcp = { id: "item_3", type: "mcp_tool_call", server: "docs", tool: "search", arguments: { query: "greet" } };
const stream = [
	{ type: "thread.started", thread_id: thread },
	{ type: "turn.started" },
	{ type: "item.completed", item: { id: "item_0", type: "reasoning", text: "**Looking around**" } },
	{ type: "item.started", item: { ...command, aggregated_output: "", exit_code: null, status: "in_progress" } },
	{ type: "item.completed", item: { ...command, aggregated_output: "greet.js\n", exit_code: 0, status: "completed" } },
	{ type: "item.started", item: { id: "item_2", type: "todo_list", items: [{ text: "fix", completed: false }] } },
	{ type: "item.started", item: { ...mcp, result: null, error: null, status: "in_progress" } },
	{ type: "item.completed", item: { ...mcp, result: null, error: { message: "no server" }, status: "failed" } },
	{ type: "error", message: "Reconnecting... 1/5" },
	{
		type: "item.completed",
		item: { id: "item_4", type: "file_change", changes: [{ path: "greet.js", kind: "update" }], status: "completed" },
	},
	{ type: "item.completed", item: { id: "item_5", type: "agent_message", text: "The greeting is fixed." } },
	{
		type: "turn.completed",
		usage: { input_tokens: 24_763, cached_input_tokens: 24_448, output_tokens: 122, reasoning_output_tokens: 64 },
	},
];

function codexThat(lines: readonly (string | object)[], exitCode = 0, settings = {}) {
	const agent = fakeAgent("codex", { lines, exitCode });
	return { agent, target: targetFrom(codex, { executable: agent.path, ...settings }, { env: {} }) };
}

describe("codex", () => {
	it("returns messages, tool calls and usage, with the cost by `pricing`", async () => {
		const { target } = codexThat(stream, 0, { pricing: { input: 1, output: 10, cached: 0.1 } });
		const outcome = await target.invoke(request("fix the greeting"));
		expect(outcome).toMatchObject({
			ok: true,
			answer: {
				text: "The greeting is fixed.",
				tokenUsage: { input: 24_763, output: 122, cached: 24_448, reasoning: 64 },
				session: thread,
			},
		});
		const messages = outcome.ok ? outcome.answer.messages : [];
		expect(messages.flatMap(({ toolCalls }) => toolCalls ?? [])).toMatchObject([
			{ tool: "command_execution", input: { command: "bash -lc ls" }, output: { output: "greet.js\n", exit_code: 0 } },
			{ tool: "docs.search", input: { query: "greet" }, output: { error: { message: "no server" } } },
			{ tool: "file_change", input: { changes: [{ path: "greet.js", kind: "update" }] }, output: "completed" },
		]);
		expect(outcome.ok && outcome.answer.costUsd).toBeCloseTo((315 * 1 + 24_448 * 0.1 + 122 * 10) / 1e6, 10);
	});

	it("receives the prompt on stdin, also outside of git, and uses a sandbox only if the target requests one", async () => {
		const first = codexThat(stream, 0, {
			model: "gpt-5-codex",
			model_reasoning_effort: "high",
			system_prompt: "Be terse.",
		});
		await first.target.invoke(request("fix"));
		const [call] = first.agent.calls();
		expect(call?.stdin).toBe("Be terse.\n\nfix");
		expect(call?.argv.join(" ")).toBe(
			'exec --json --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox --model gpt-5-codex --config model_reasoning_effort="high" -',
		);
		const second = codexThat(stream, 0, { permission_mode: "workspace-write" });
		await second.target.invoke(request("fix", { session: thread }));
		expect(second.agent.calls()[0]?.argv.join(" ")).toBe(
			`exec --json --skip-git-repo-check --sandbox workspace-write resume ${thread} -`,
		);
	});

	it("reports a failed turn", async () => {
		const lines = [stream[0] ?? {}, { type: "turn.failed", error: { message: "You've hit your usage limit." } }];
		const outcome = await codexThat(lines, 1).target.invoke(request("fix"));
		expect(outcome).toMatchObject({
			ok: false,
			failure: { code: "agent-failed", message: "You've hit your usage limit." },
		});
	});
});
