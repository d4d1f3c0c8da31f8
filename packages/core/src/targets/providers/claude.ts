import {
	type AgentEvent,
	type AgentProtocol,
	type AgentReport,
	agentTarget,
	contentText,
	count,
	type EventReader,
	type Fields,
	given,
	record,
	records,
	Transcript,
	text,
} from "../agent.ts";
import { type Provider, stopReasonOf } from "../contract.ts";

export const claude: Provider<"claude"> = {
	provider: "claude",
	create: (target, services) => agentTarget(target, services, protocol),
};

const protocol: AgentProtocol = {
	executable: "claude",
	versionArgs: ["--version"],
	args: (settings, { session }) => [
		...["--print", "--output-format", "stream-json", "--verbose"],
		...(settings.model ? ["--model", settings.model] : []),
		...["--permission-mode", settings.permissionMode ?? "bypassPermissions"],
		...(settings.maxTurns ? ["--max-turns", String(settings.maxTurns)] : []),
		...(settings.maxBudgetUsd ? ["--max-budget-usd", String(settings.maxBudgetUsd)] : []),
		...(settings.systemPrompt ? ["--append-system-prompt", settings.systemPrompt] : []),
		...(typeof session === "string" ? ["--resume", session] : []),
	],
	input: (_settings, prompt) => prompt,
	env: ({ apiKey, baseUrl }) => ({
		...(apiKey ? { ANTHROPIC_API_KEY: apiKey } : {}),
		...(baseUrl ? { ANTHROPIC_BASE_URL: baseUrl } : {}),
	}),
	ownKeys: ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
	reader: () => new ClaudeReader(),
};

class ClaudeReader implements EventReader {
	readonly #transcript = new Transcript();
	#result: Fields | undefined;
	#session: string | undefined;
	#model: string | undefined;
	#stopReason: unknown;

	event(event: AgentEvent, at: number): void {
		this.#session = text(event.session_id) ?? this.#session;
		switch (event.type) {
			case "system":
				this.#model = text(event.model) ?? this.#model;
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
			if (block.type === "text" && !isSubAgent) this.#transcript.say(text(block.text) ?? "");
			else if (block.type === "tool_use")
				this.#transcript.call(text(block.id) ?? "", text(block.name) ?? "tool", block.input, at);
		}
	}

	#results(message: Fields, at: number): void {
		for (const block of records(message.content)) {
			if (block.type !== "tool_result") continue;
			const output = contentText(block.content) ?? block.content;
			this.#transcript.result(text(block.tool_use_id) ?? "", output, at, block.is_error === true);
		}
	}

	finish(): AgentReport {
		const result = this.#result;
		const report = { messages: this.#transcript.messages(), figures: this.#figures(result ?? {}) };
		if (!result) return { ...report, isIncomplete: true };
		const final = text(result.result);
		if (result.is_error !== true && (result.subtype === undefined || result.subtype === "success"))
			return { ...report, ...given("text", final) };
		const reason = final || contentText(result.errors) || text(result.subtype) || "an error";
		// Hitting the turn or cost limit would repeat; a transport error or an overloaded server can
		// recover.
		const retryable =
			result.subtype === "error_during_execution" || /API Error: (408|429|5\d\d)|overloaded/i.test(reason);
		return { ...report, failure: { message: `claude ended with an error: ${reason}`, retryable } };
	}

	#figures(result: Fields): AgentReport["figures"] {
		const usage = record(result.usage);
		const cached = count(usage.cache_read_input_tokens) ?? 0;
		const fresh = count(usage.input_tokens);
		const written = count(usage.cache_creation_input_tokens) ?? 0;
		const output = count(usage.output_tokens);
		return {
			...(fresh === undefined || output === undefined
				? {}
				: { tokenUsage: { input: fresh + cached + written, output, cached } }),
			...given("costUsd", count(result.total_cost_usd)),
			...given("llmCalls", count(result.num_turns)),
			...given("durationMs", count(result.duration_ms)),
			...given("session", this.#session),
			...given("stopReason", stopReasonOf(result.stop_reason ?? this.#stopReason)),
			metadata: { ...given("model", this.#model), ...given("session_id", this.#session) },
		};
	}
}
