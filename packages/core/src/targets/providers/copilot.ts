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
	TokenSum,
	Transcript,
	text,
} from "../agent.ts";
import { costOf, type Pricing, type Provider } from "../contract.ts";

export const copilot: Provider<"copilot-cli"> = {
	provider: "copilot-cli",
	create: (target, services) => agentTarget(target, services, protocol),
};

const protocol: AgentProtocol = {
	executable: "copilot",
	versionArgs: ["--version"],
	args: (settings, { session }) => [
		...["--output-format", "json", "--no-color", "--allow-all-tools", "--no-ask-user"],
		...(settings.model ? ["--model", settings.model] : []),
		...(typeof session === "string" ? [`--resume=${session}`] : []),
	],
	input: ({ systemPrompt }, prompt) => (systemPrompt ? `${systemPrompt}\n\n${prompt}` : prompt),
	env: ({ apiKey }) => (apiKey ? { COPILOT_GITHUB_TOKEN: apiKey } : {}),
	ownKeys: ["COPILOT_GITHUB_TOKEN"],
	reader: ({ pricing }) => new CopilotReader(pricing),
};

class CopilotReader implements EventReader {
	readonly #transcript = new Transcript();
	readonly #pricing: Pricing | undefined;
	readonly #tokens = new TokenSum();
	#calls = 0;
	/** The only token count that newer versions report. */
	#outputTokens: number | undefined;
	#session: string | undefined;
	#model: string | undefined;
	#error: string | undefined;
	#result: Fields | undefined;

	constructor(pricing: Pricing | undefined) {
		this.#pricing = pricing;
	}

	event(event: AgentEvent, at: number): void {
		const data = record(event.data);
		switch (event.type) {
			case "session.start":
				this.#session = text(data.sessionId) ?? text(event.sessionId);
				this.#model = text(data.selectedModel) ?? this.#model;
				return;
			case "assistant.message":
				this.#message(data, at);
				return;
			case "tool.execution_start":
				this.#call(data, at);
				this.#transcript.begin(text(data.toolCallId) ?? "", at);
				return;
			case "tool.execution_complete": {
				const output = contentText(record(data.result).content) ?? data.result ?? data.error;
				this.#transcript.result(text(data.toolCallId) ?? "", output, at, data.success === false);
				return;
			}
			case "assistant.usage":
				this.#count(data);
				return;
			case "session.error":
				this.#error = text(data.message) ?? "copilot reported an error";
				return;
			case "result":
				this.#result = event;
				this.#session = text(event.sessionId) ?? this.#session;
		}
	}

	#message(data: Fields, at: number): void {
		const tokens = count(data.outputTokens);
		if (tokens !== undefined) this.#outputTokens = (this.#outputTokens ?? 0) + tokens;
		// A sub-agent's text is not the answer; its tool calls count.
		if (typeof data.parentToolCallId !== "string") this.#transcript.say(text(data.content) ?? "");
		for (const request of records(data.toolRequests)) this.#call(request, at);
	}

	#call(call: Fields, at: number): void {
		const tool = text(call.toolName) ?? text(call.name) ?? "tool";
		this.#transcript.call(text(call.toolCallId) ?? "", tool, call.arguments, at);
	}

	#count(data: Fields): void {
		this.#tokens.add({
			input: count(data.inputTokens),
			output: count(data.outputTokens),
			cached: count(data.cacheReadTokens),
			reasoning: undefined,
		});
		this.#calls += 1;
		this.#model = text(data.model) ?? this.#model;
	}

	finish(): AgentReport {
		const usage = record(this.#result?.usage);
		const tokenUsage = this.#tokens.usage;
		const report = {
			messages: this.#transcript.messages(),
			figures: {
				...given("tokenUsage", tokenUsage),
				...given("costUsd", costOf(undefined, tokenUsage, this.#pricing)),
				...given("llmCalls", this.#calls > 0 ? this.#calls : undefined),
				...given("durationMs", count(usage.sessionDurationMs)),
				...given("session", this.#session),
				metadata: {
					...given("model", this.#model),
					...given("session_id", this.#session),
					...given("premium_requests", count(usage.premiumRequests)),
					...given("output_tokens", tokenUsage ? undefined : this.#outputTokens),
				},
			},
		};
		const message = this.#problem();
		return message === undefined ? report : { ...report, failure: { message, retryable: true } };
	}

	#problem(): string | undefined {
		const code = this.#result?.exitCode;
		if (code === 0) return undefined;
		return this.#error ?? (typeof code === "number" ? `copilot ended with exit code ${code}` : undefined);
	}
}
