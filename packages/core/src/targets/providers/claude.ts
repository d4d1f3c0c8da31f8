import { unsupported, wireObject } from "../../format/codec.ts";
import { pricingSchema } from "../../format/target-file.ts";
import { agentProvider, settingsWithout } from "../agent.ts";
import {
	type AgentEvent,
	AgentReader,
	type AgentReport,
	contentText,
	count,
	type Fields,
	record,
	records,
	text,
} from "../read-answer.ts";

export const claude = agentProvider({
	name: "claude",
	aliases: ["claude-cli", "claude-code", "claude-sdk"],
	runs: "Claude Code in the workspace",
	reportsCost: true,
	settings: wireObject({
		...settingsWithout("subprovider", "thinking", "modelReasoningEffort"),
		pricing: unsupported(pricingSchema, { severity: "warning", hint: "remove it: Claude Code reports its cost" }),
	}),
	executable: "claude",
	keys: ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
	args: (settings, { session }) => [
		...["--print", "--output-format", "stream-json", "--verbose"],
		...(settings.model ? ["--model", settings.model] : []),
		...["--permission-mode", settings.permissionMode ?? "bypassPermissions"],
		...(settings.maxTurns ? ["--max-turns", String(settings.maxTurns)] : []),
		...(settings.maxBudgetUsd ? ["--max-budget-usd", String(settings.maxBudgetUsd)] : []),
		...(settings.systemPrompt ? ["--append-system-prompt", settings.systemPrompt] : []),
		...(typeof session === "string" ? ["--resume", session] : []),
	],
	env: ({ apiKey, baseUrl }) => ({
		...(apiKey ? { ANTHROPIC_API_KEY: apiKey } : {}),
		...(baseUrl ? { ANTHROPIC_BASE_URL: baseUrl } : {}),
	}),
	reader: () => new ClaudeReader(),
});

class ClaudeReader extends AgentReader {
	#result: Fields | undefined;
	#stopReason: unknown;

	override event(event: AgentEvent, at: number): void {
		this.session = text(event.session_id) ?? this.session;
		switch (event.type) {
			case "system":
				this.model = text(event.model) ?? this.model;
				return;
			case "assistant":
				// A sub-agent's text is not the answer; its tool calls count.
				this.#assistant(record(event.message), at, typeof event.parent_tool_use_id === "string");
				return;
			case "user":
				this.#results(record(event.message), at);
				return;
			case "result":
				this.#result = event;
		}
	}

	#assistant(message: Fields, at: number, isSubAgent: boolean): void {
		if (!isSubAgent) this.#stopReason = message.stop_reason;
		for (const block of records(message.content)) {
			if (block.type === "text" && !isSubAgent) this.transcript.say(text(block.text) ?? "");
			else if (block.type === "tool_use")
				this.transcript.call(text(block.id) ?? "", text(block.name) ?? "tool", block.input, at);
		}
	}

	#results(message: Fields, at: number): void {
		for (const block of records(message.content)) {
			if (block.type !== "tool_result") continue;
			const output = contentText(block.content) ?? block.content;
			this.transcript.result(text(block.tool_use_id) ?? "", output, at, block.is_error === true);
		}
	}

	override finish(): AgentReport {
		const { result, subtype, is_error: isError, errors, ...rest } = this.#result ?? {};
		const report = { ...super.finish(), ...figuresOf(rest), stopReason: rest.stop_reason ?? this.#stopReason };
		if (!this.#result) return { ...report, isIncomplete: true };
		const final = text(result);
		if (isError !== true && (subtype === undefined || subtype === "success")) return { ...report, text: final };
		const reason = final || contentText(errors) || text(subtype) || "an error";
		// A turn or cost limit would be hit again; a transport error or overloaded server can recover.
		const retryable = subtype === "error_during_execution" || /API Error: (408|429|5\d\d)|overloaded/i.test(reason);
		return { ...report, failure: `claude ended with an error: ${reason}`, retryable };
	}
}

function figuresOf(result: Fields) {
	const usage = record(result.usage);
	const cached = count(usage.cache_read_input_tokens) ?? 0;
	const fresh = count(usage.input_tokens);
	const written = count(usage.cache_creation_input_tokens) ?? 0;
	const output = count(usage.output_tokens);
	const isKnown = fresh !== undefined && output !== undefined;
	return {
		tokenUsage: isKnown ? { input: fresh + cached + written, output, cached } : undefined,
		costUsd: count(result.total_cost_usd),
		llmCalls: count(result.num_turns),
		durationMs: count(result.duration_ms),
	};
}
