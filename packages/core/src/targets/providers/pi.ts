import {
	type AgentEvent,
	type AgentProtocol,
	type AgentReport,
	type AgentSettings,
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
import { costOf, type Pricing, type Provider, stopReasonOf } from "../contract.ts";

/** The pi coding agent. Without sessions: each turn gets the whole conversation. */
export const pi: Provider<"pi-cli"> = {
	provider: "pi-cli",
	create: (target, services) => agentTarget(target, services, protocol),
};

const protocol: AgentProtocol = {
	executable: "pi",
	versionArgs: ["--version"],
	args: (settings) => [
		...["--mode", "json", "--print", "--no-session"],
		...(settings.subprovider ? ["--provider", settings.subprovider] : []),
		...(settings.model ? ["--model", settings.model] : []),
		...(settings.thinking ? ["--thinking", settings.thinking] : []),
		...(settings.systemPrompt ? ["--append-system-prompt", settings.systemPrompt] : []),
	],
	input: (_settings, prompt) => prompt,
	env: (settings) => ({
		...(settings.apiKey ? { [keyVariable(settings)]: settings.apiKey } : {}),
		...(settings.baseUrl && settings.subprovider?.startsWith("azure")
			? { AZURE_OPENAI_BASE_URL: settings.baseUrl }
			: {}),
	}),
	ownKeys: (settings) => (settings.subprovider ? [keyVariable(settings)] : "all"),
	reader: ({ pricing }) => new PiReader(pricing),
};

/** Returns the variable in which pi expects a vendor's key. */
function keyVariable({ subprovider = "anthropic" }: AgentSettings): string {
	if (subprovider.startsWith("azure")) return "AZURE_OPENAI_API_KEY";
	if (subprovider === "google" || subprovider === "gemini") return "GEMINI_API_KEY";
	return `${subprovider.toUpperCase().replace(/[^A-Z0-9]/g, "_")}_API_KEY`;
}

class PiReader implements EventReader {
	readonly #transcript = new Transcript();
	readonly #pricing: Pricing | undefined;
	readonly #tokens = new TokenSum();
	#calls = 0;
	#cost: number | undefined;
	#isCostKnown = true;
	#model: string | undefined;
	#failure: string | undefined;
	#stopReason: unknown;
	#isEnded = false;

	constructor(pricing: Pricing | undefined) {
		this.#pricing = pricing;
	}

	event(event: AgentEvent, at: number): void {
		const id = text(event.toolCallId) ?? "";
		switch (event.type) {
			case "message_end":
				this.#message(record(event.message), at);
				return;
			case "agent_end":
				this.#isEnded = true;
				return;
			case "tool_execution_start":
				this.#transcript.call(id, text(event.toolName) ?? "tool", event.args, at);
				this.#transcript.begin(id, at);
				return;
			case "tool_execution_end": {
				const output = contentText(record(event.result).content) ?? event.result;
				this.#transcript.result(id, output, at, event.isError === true);
			}
		}
	}

	#message(message: Fields, at: number): void {
		if (message.role !== "assistant") return;
		const blocks = records(message.content);
		this.#transcript.say(blocks.flatMap((block) => (block.type === "text" ? (text(block.text) ?? []) : [])).join(""));
		for (const block of blocks) {
			if (block.type !== "toolCall") continue;
			this.#transcript.call(text(block.id) ?? "", text(block.name) ?? "tool", block.arguments, at);
		}
		this.#count(record(message.usage));
		this.#model = text(message.model) ?? this.#model;
		this.#stopReason = message.stopReason;
		// pi retries by itself: a later message clears the error.
		const stopped = message.stopReason === "error" || message.stopReason === "aborted";
		this.#failure = stopped ? (text(message.errorMessage) ?? "the model's answer ended with an error") : undefined;
	}

	#count(usage: Fields): void {
		const fresh = count(usage.input);
		const cached = count(usage.cacheRead) ?? 0;
		const input = fresh === undefined ? undefined : fresh + cached + (count(usage.cacheWrite) ?? 0);
		this.#tokens.add({ input, output: count(usage.output), cached, reasoning: undefined });
		const cost = count(record(usage.cost).total);
		// If one call does not report its cost, the total is unknown.
		if (cost === undefined) this.#isCostKnown = false;
		else this.#cost = (this.#cost ?? 0) + cost;
		this.#calls += 1;
	}

	finish(): AgentReport {
		const used = this.#tokens.usage;
		// Models without usage reports have zeros.
		const tokenUsage = used && used.input + used.output === 0 ? undefined : used;
		const cost = this.#isCostKnown ? this.#cost : undefined;
		const report = {
			messages: this.#transcript.messages(),
			isIncomplete: !this.#isEnded,
			figures: {
				...given("tokenUsage", tokenUsage),
				...given("costUsd", cost ?? costOf(undefined, tokenUsage, this.#pricing)),
				...given("llmCalls", this.#calls > 0 ? this.#calls : undefined),
				...given("stopReason", stopReasonOf(this.#stopReason)),
				metadata: given("model", this.#model),
			},
		};
		return this.#failure === undefined ? report : { ...report, failure: { message: this.#failure, retryable: true } };
	}
}
