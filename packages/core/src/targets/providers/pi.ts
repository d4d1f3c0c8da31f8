import { wireObject } from "../../format/codec.ts";
import type { AgentSettings } from "../../format/target-file.ts";
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

/** pi has no sessions: each turn gets the whole conversation. */
export const pi = agentProvider({
	name: "pi-cli",
	aliases: ["pi", "pi-coding-agent"],
	runs: "the pi coding agent in the workspace",
	cost: "as it says",
	settings: wireObject(settingsWithout("modelReasoningEffort", "maxTurns", "maxBudgetUsd", "permissionMode")),
	// For vendors other than Azure, pi ignores the address and would contact its own.
	misuse: (wire) => {
		if (!wire.base_url || String(wire.subprovider).startsWith("azure")) return undefined;
		return {
			key: "base_url",
			hint: "remove it, or use `subprovider: azure`; configure other addresses in pi itself",
		};
	},
	executable: "pi",
	keys: [],
	keysFor: (settings) => (settings.subprovider ? [keyVariable(settings)] : "all"),
	args: (settings) => [
		...["--mode", "json", "--print", "--no-session"],
		...(settings.subprovider ? ["--provider", settings.subprovider] : []),
		...(settings.model ? ["--model", settings.model] : []),
		...(settings.thinking ? ["--thinking", settings.thinking] : []),
		...(settings.systemPrompt ? ["--append-system-prompt", settings.systemPrompt] : []),
	],
	env: (settings) => ({
		...(settings.apiKey ? { [keyVariable(settings)]: settings.apiKey } : {}),
		...(settings.baseUrl && settings.subprovider?.startsWith("azure")
			? { AZURE_OPENAI_BASE_URL: settings.baseUrl }
			: {}),
	}),
	reader: () => new PiReader(),
});

function keyVariable({ subprovider = "anthropic" }: AgentSettings): string {
	if (subprovider.startsWith("azure")) return "AZURE_OPENAI_API_KEY";
	if (subprovider === "google" || subprovider === "gemini") return "GEMINI_API_KEY";
	return `${subprovider.toUpperCase().replace(/[^A-Z0-9]/g, "_")}_API_KEY`;
}

class PiReader extends AgentReader {
	#cost: number | undefined;
	#isCostKnown = true;
	#stopReason: unknown;
	#isEnded = false;

	override event(event: AgentEvent, at: number): void {
		const id = text(event.toolCallId) ?? "";
		switch (event.type) {
			case "message_end":
				this.#message(record(event.message), at);
				return;
			case "agent_end":
				this.#isEnded = true;
				return;
			case "tool_execution_start":
				this.transcript.call(id, text(event.toolName) ?? "tool", event.args, at);
				this.transcript.begin(id, at);
				return;
			case "tool_execution_end": {
				const output = contentText(record(event.result).content) ?? event.result;
				this.transcript.result(id, output, at, event.isError === true);
			}
		}
	}

	#message(message: Fields, at: number): void {
		if (message.role !== "assistant") return;
		const blocks = records(message.content);
		this.transcript.say(blocks.flatMap((block) => (block.type === "text" ? (text(block.text) ?? []) : [])).join(""));
		for (const block of blocks) {
			if (block.type !== "toolCall") continue;
			this.transcript.call(text(block.id) ?? "", text(block.name) ?? "tool", block.arguments, at);
		}
		this.#count(record(message.usage));
		this.model = text(message.model) ?? this.model;
		this.#stopReason = message.stopReason;
		// pi retries by itself, so a later message clears the error.
		const stopped = message.stopReason === "error" || message.stopReason === "aborted";
		this.failure = stopped ? (text(message.errorMessage) ?? "the model's answer ended with an error") : undefined;
	}

	#count(usage: Fields): void {
		const fresh = count(usage.input);
		const cached = count(usage.cacheRead) ?? 0;
		const input = fresh === undefined ? undefined : fresh + cached + (count(usage.cacheWrite) ?? 0);
		this.tokens.add({ input, output: count(usage.output), cached, reasoning: undefined });
		const cost = count(record(usage.cost).total);
		// If one call doesn't report its cost, the total is unknown.
		if (cost === undefined) this.#isCostKnown = false;
		else this.#cost = (this.#cost ?? 0) + cost;
		this.calls += 1;
	}

	override finish(): AgentReport {
		const { tokenUsage, ...report } = super.finish();
		return {
			...report,
			// Models without usage reports have zeros.
			tokenUsage: tokenUsage && tokenUsage.input + tokenUsage.output === 0 ? undefined : tokenUsage,
			costUsd: this.#isCostKnown ? this.#cost : undefined,
			stopReason: this.#stopReason,
			isIncomplete: !this.#isEnded,
		};
	}
}
