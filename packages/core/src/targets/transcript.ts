import type { ToolCall } from "../format/eval-file.ts";
import type { AnswerMessage, RequestPiece, TargetAnswer, TargetRequest, TokenUsage } from "./contract.ts";

/** Missing fields and those of another type are `undefined` or empty. */

export type Fields = Readonly<Record<string, unknown>>;

export function record(value: unknown): Fields {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function records(value: unknown): readonly Fields[] {
	return Array.isArray(value) ? value.map(record) : [];
}

export function text(value: unknown): string | undefined {
	return typeof value === "string" ? value : undefined;
}

/** An impossible amount becomes `NaN`, also in sums, so that it is rejected later. */
export function count(value: unknown): number | undefined {
	if (typeof value !== "number") return undefined;
	return Number.isFinite(value) && value >= 0 ? value : Number.NaN;
}

/** Returns content given as text or as a list of `{type: "text", text}` blocks; else undefined. */
export function contentText(value: unknown): string | undefined {
	if (typeof value === "string") return value;
	if (!Array.isArray(value)) return undefined;
	return records(value)
		.flatMap((block) => text(block.text) ?? [])
		.join("\n");
}

/** Longer lines arrive in chunks of at least this many characters. */
const pieceLength = 1024 * 1024;
const longestEvent = 64 * 1024 * 1024;

/** Parses JSON objects, one per line, from a program's output. Other lines are ignored. */
export function objectLines(onObject: (object: Fields) => void): (line: string) => void {
	let begun = "";
	return (line) => {
		if (begun === "" && !line.trimStart().startsWith("{")) return;
		const text = begun + line;
		const object = parseObject(text);
		const isPiece = object === undefined && line.length > pieceLength && text.length < longestEvent;
		begun = isPiece ? text : "";
		if (object) onObject(object);
	};
}

function parseObject(text: string): Fields | undefined {
	if (!text.trimEnd().endsWith("}")) return undefined;
	try {
		return JSON.parse(text) as Fields;
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

/** Returns everything, or what follows the last answer of a resumed session. */
export function newWords({ session, prompt, messages }: TargetRequest): string {
	if (session === undefined) return prompt;
	const last = messages.findLastIndex(({ role }) => role === "assistant");
	return messages
		.slice(last + 1)
		.map(({ content }) => content.map(pieceText).join("\n\n"))
		.join("\n\n");
}

/** Agents open files themselves. */
function pieceText(piece: RequestPiece): string {
	return piece.type === "text" ? piece.text : `[${piece.type}: ${piece.path}]`;
}

export class TokenSum {
	#sum: TokenUsage | undefined;
	#isKnown = true;

	/** Adds a call. A call without input or output tokens makes the sum unknown. */
	add({ input, output, cached, reasoning }: { readonly [Key in keyof TokenUsage]: number | undefined }): void {
		if (input === undefined || output === undefined) {
			this.#isKnown = false;
			return;
		}
		const before = this.#sum;
		this.#sum = {
			input: (before?.input ?? 0) + input,
			output: (before?.output ?? 0) + output,
			cached: (before?.cached ?? 0) + (cached ?? 0),
			...(reasoning === undefined && before?.reasoning === undefined
				? {}
				: { reasoning: (before?.reasoning ?? 0) + (reasoning ?? 0) }),
		};
	}

	/** Undefined if no call was counted, or the usage of one is unknown. */
	get usage(): TokenUsage | undefined {
		return this.#isKnown ? this.#sum : undefined;
	}
}

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

export type AgentEvent = Readonly<Record<string, unknown>> & { readonly type: string };

type Figures = Pick<TargetAnswer, "tokenUsage" | "costUsd" | "durationMs" | "llmCalls" | "metadata">;

/** What an agent did in one run. */
export interface AgentReport extends Readonly<{ [Key in keyof Figures]?: Figures[Key] | undefined }> {
	readonly messages: readonly AnswerMessage[];
	/** Default: the last assistant message's text. */
	readonly text?: string | undefined;
	readonly session?: string | undefined;
	readonly model?: string | undefined;
	/** In the agent's or its vendor's words. */
	readonly stopReason?: unknown;
	/** The failure that the agent itself reported. */
	readonly failure?: string | undefined;
	/** Default: true. */
	readonly retryable?: boolean;
	/** The event that ends every run is missing. */
	readonly isIncomplete?: boolean;
}

/** Reads the events of one run. Unknown events are ignored, since agents add new ones. */
export abstract class AgentReader {
	protected readonly transcript = new Transcript();
	protected readonly tokens = new TokenSum();
	protected session: string | undefined;
	protected model: string | undefined;
	protected failure: string | undefined;
	/** Of a model, if the agent reports each. */
	protected calls = 0;

	/** `at` is the arrival time in milliseconds, for the duration of calls. */
	abstract event(event: AgentEvent, at: number): void;

	finish(): AgentReport {
		const { session, model, failure, calls } = this;
		const llmCalls = calls > 0 ? calls : undefined;
		return { messages: this.transcript.messages(), tokenUsage: this.tokens.usage, llmCalls, session, model, failure };
	}
}
