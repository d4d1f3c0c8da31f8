import type { ToolCall } from "../../schema/message.ts";
import type { AnswerMessage } from "../contract.ts";

type Open = { -readonly [Key in keyof ToolCall]: ToolCall[Key] } & { startedAt: number };

/** Collects an agent's messages and tool calls in order, and joins results to their calls. */
export class Transcript {
	readonly #messages: { content: string; toolCalls: Open[] }[] = [];
	readonly #calls = new Map<string, Open>();

	say(text: string): void {
		if (text.trim() !== "") this.#messages.push({ content: text, toolCalls: [] });
	}

	/** Records a tool call. A second start of the same call only completes its input. */
	call(id: string, tool: string, input: unknown, at: number): void {
		const known = this.#calls.get(id);
		if (known && id !== "") {
			known.input = input ?? known.input;
			return;
		}
		const call: Open = { tool, input, startedAt: at, ...(id === "" ? {} : { id }) };
		this.#calls.set(id, call);
		const last = this.#messages.at(-1);
		if (last) last.toolCalls.push(call);
		else this.#messages.push({ content: "", toolCalls: [call] });
	}

	/** Records when the tool really started: the time before was the model's. */
	begin(id: string, at: number): void {
		const call = this.#calls.get(id);
		if (call) call.startedAt = at;
	}

	result(id: string, output: unknown, at: number, failed = false): void {
		const call = this.#calls.get(id);
		if (!call) return;
		call.output = failed ? { error: output } : output;
		call.durationMs = Math.max(0, Math.round(at - call.startedAt));
	}

	messages(): AnswerMessage[] {
		return this.#messages.map(({ content, toolCalls }) => ({
			role: "assistant",
			content,
			...(toolCalls.length > 0 ? { toolCalls: toolCalls.map(({ startedAt: _, ...call }) => call) } : {}),
		}));
	}
}
