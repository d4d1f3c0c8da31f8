import { wireObject } from "../../format/codec.ts";
import { agentProvider, settingsWithout } from "../agent.ts";
import { type AgentEvent, AgentReader, type AgentReport, count, type Fields, record, text } from "../read-answer.ts";

export const codex = agentProvider({
	name: "codex",
	aliases: ["codex-cli"],
	runs: "Codex in the workspace",
	settings: wireObject(settingsWithout("subprovider", "thinking", "maxTurns", "maxBudgetUsd")),
	executable: "codex",
	keys: ["OPENAI_API_KEY", "CODEX_API_KEY", "AZURE_OPENAI_API_KEY"],
	readsSystemPrompt: true,
	args: (settings, { session }) => [
		...["exec", "--json", "--skip-git-repo-check"],
		...(settings.permissionMode
			? ["--sandbox", settings.permissionMode]
			: ["--dangerously-bypass-approvals-and-sandbox"]),
		...(settings.model ? ["--model", settings.model] : []),
		...config("model_reasoning_effort", settings.modelReasoningEffort),
		...config("openai_base_url", settings.baseUrl),
		...(typeof session === "string" ? ["resume", session] : []),
		"-", // The prompt is passed on stdin.
	],
	env: ({ apiKey, baseUrl }) => ({
		...(apiKey ? { OPENAI_API_KEY: apiKey, CODEX_API_KEY: apiKey } : {}),
		...(baseUrl ? { OPENAI_BASE_URL: baseUrl } : {}),
	}),
	reader: () => new CodexReader(),
});

/** The value of a configuration override is TOML; a JSON string is valid TOML. */
function config(key: string, value: string | undefined): string[] {
	return value ? ["--config", `${key}=${JSON.stringify(value)}`] : [];
}

class CodexReader extends AgentReader {
	#turns = 0;

	override event(event: AgentEvent, at: number): void {
		switch (event.type) {
			case "thread.started":
				this.session = text(event.thread_id);
				return;
			case "item.started":
			case "item.updated":
			case "item.completed":
				this.#item(record(event.item), event.type === "item.completed", at);
				return;
			case "turn.completed":
				this.#count(record(event.usage));
				return;
			case "turn.failed":
				this.failure = text(record(event.error).message) ?? "the turn failed";
				return;
			case "error":
				// Reconnecting is also reported as an error; a turn that completes later clears it.
				this.failure = text(event.message) ?? "codex reported an error";
		}
	}

	#item(item: Fields, completed: boolean, at: number): void {
		const id = text(item.id) ?? "";
		if (item.type === "agent_message") {
			if (completed) this.transcript.say(text(item.text) ?? "");
			return;
		}
		const call = toolOf(item);
		if (!call) return;
		this.transcript.call(id, call.tool, call.input, at);
		const failed = item.status === "failed" || item.status === "declined";
		if (completed) this.transcript.result(id, call.output, at, failed);
	}

	#count(usage: Fields): void {
		this.tokens.add({
			input: count(usage.input_tokens),
			output: count(usage.output_tokens),
			cached: count(usage.cached_input_tokens),
			reasoning: count(usage.reasoning_output_tokens) ?? 0,
		});
		this.#turns += 1;
		this.failure = undefined;
	}

	override finish(): AgentReport {
		return { ...super.finish(), isIncomplete: this.#turns === 0 };
	}
}

function toolOf(
	item: Fields,
): { readonly tool: string; readonly input: unknown; readonly output: unknown } | undefined {
	switch (item.type) {
		case "command_execution": {
			const output = { output: item.aggregated_output, exit_code: item.exit_code };
			return { tool: "command_execution", input: { command: item.command }, output };
		}
		case "file_change":
			return { tool: "file_change", input: { changes: item.changes }, output: item.status };
		case "mcp_tool_call": {
			const tool = `${text(item.server) ?? "mcp"}.${text(item.tool) ?? "tool"}`;
			return { tool, input: item.arguments, output: item.result ?? item.error };
		}
		case "collab_tool_call":
			return { tool: text(item.tool) ?? "collab", input: { prompt: item.prompt }, output: item.agents_states };
		case "web_search":
			return { tool: "web_search", input: { query: item.query }, output: undefined };
		default:
			return undefined;
	}
}
