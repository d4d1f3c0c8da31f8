import { wireObject } from "../../format/codec.ts";
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

export const copilot = agentProvider({
	name: "copilot-cli",
	aliases: ["copilot", "copilot-sdk"],
	runs: "GitHub Copilot's command line in the workspace",
	cost: "`pricing`, where it tells tokens",
	settings: wireObject(
		settingsWithout(
			...(["baseUrl", "subprovider", "thinking", "modelReasoningEffort"] as const),
			...(["maxTurns", "maxBudgetUsd", "permissionMode"] as const),
		),
	),
	executable: "copilot",
	keys: ["COPILOT_GITHUB_TOKEN"],
	readsSystemPrompt: true,
	args: (settings, { session }) => [
		...["--output-format", "json", "--no-color", "--allow-all-tools", "--no-ask-user"],
		...(settings.model ? ["--model", settings.model] : []),
		...(typeof session === "string" ? [`--resume=${session}`] : []),
	],
	env: ({ apiKey }) => (apiKey ? { COPILOT_GITHUB_TOKEN: apiKey } : {}),
	reader: () => new CopilotReader(),
});

class CopilotReader extends AgentReader {
	/** The only token count of newer versions. */
	#outputTokens: number | undefined;
	#result: Fields = {};

	override event(event: AgentEvent, at: number): void {
		const data = record(event.data);
		switch (event.type) {
			case "session.start":
				this.session = text(data.sessionId) ?? text(event.sessionId);
				this.model = text(data.selectedModel) ?? this.model;
				return;
			case "assistant.message":
				this.#message(data, at);
				return;
			case "tool.execution_start":
				this.#call(data, at);
				this.transcript.begin(text(data.toolCallId) ?? "", at);
				return;
			case "tool.execution_complete": {
				const output = contentText(record(data.result).content) ?? data.result ?? data.error;
				this.transcript.result(text(data.toolCallId) ?? "", output, at, data.success === false);
				return;
			}
			case "assistant.usage":
				this.#count(data);
				return;
			case "session.error":
				this.failure = text(data.message) ?? "copilot reported an error";
				return;
			case "result":
				this.#result = event;
				this.session = text(event.sessionId) ?? this.session;
		}
	}

	#message(data: Fields, at: number): void {
		const tokens = count(data.outputTokens);
		if (tokens !== undefined) this.#outputTokens = (this.#outputTokens ?? 0) + tokens;
		// A sub-agent's text is not the answer; its tool calls count.
		if (typeof data.parentToolCallId !== "string") this.transcript.say(text(data.content) ?? "");
		for (const request of records(data.toolRequests)) this.#call(request, at);
	}

	#call(call: Fields, at: number): void {
		const tool = text(call.toolName) ?? text(call.name) ?? "tool";
		this.transcript.call(text(call.toolCallId) ?? "", tool, call.arguments, at);
	}

	#count(data: Fields): void {
		this.tokens.add({
			input: count(data.inputTokens),
			output: count(data.outputTokens),
			cached: count(data.cacheReadTokens),
			reasoning: undefined,
		});
		this.calls += 1;
		this.model = text(data.model) ?? this.model;
	}

	override finish(): AgentReport {
		const report = super.finish();
		const { exitCode } = this.#result;
		const usage = record(this.#result.usage);
		const ended = typeof exitCode === "number" ? `copilot ended with exit code ${exitCode}` : undefined;
		return {
			...report,
			failure: exitCode === 0 ? undefined : (report.failure ?? ended),
			durationMs: count(usage.sessionDurationMs),
			metadata: {
				premium_requests: count(usage.premiumRequests),
				output_tokens: report.tokenUsage ? undefined : this.#outputTokens,
			},
		};
	}
}
