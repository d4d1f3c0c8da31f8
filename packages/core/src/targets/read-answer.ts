import { z } from "zod";
import { wireObject } from "../format/codec.ts";
import { type MessageEntry, messageSchema, type ToolCall } from "../format/eval-file.ts";
import { readJson } from "../lib/json.ts";
import { isResourceCode } from "../machine/files.ts";
import type { ProcessResult } from "../machine/run-process.ts";
import {
	type AnswerMessage,
	type AnswerPart,
	abnormalEnd,
	known,
	mostMessages,
	type RequestPiece,
	stopReasonOf,
	type TargetAnswer,
	type TargetFailure,
	type TargetRequest,
	type TokenUsage,
} from "./contract.ts";

/**
 * Parses plain text, or a JSON object with `text` or `output_messages` (`output` is read as
 * either), `token_usage`, `cost_usd`, `duration_ms` and `stop_reason`. Other JSON is plain text.
 */
export function readAnswer(said: string): TargetAnswer {
	const trimmed = said.trim();
	if (trimmed.startsWith("{")) {
		const read = readJson(trimmed);
		const answer = "value" in read ? answerOf(read.value) : undefined;
		if (answer) return answer;
	}
	return { text: withoutLastBreak(said), messages: [] };
}

/** Returns undefined if the value doesn't have the form above. */
export function answerOf(value: unknown): TargetAnswer | undefined {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
	const fields = value as Readonly<Record<string, unknown>>;
	const said = [fields.text, fields.output].find((field) => typeof field === "string");
	const messages = readMessages(fields.output_messages ?? fields.output);
	if (typeof said !== "string" && !messages) return undefined;
	const last = messages?.findLast(({ role }) => role === "assistant");
	const usage = readUsage(fields.token_usage);
	const stopReason = stopReasonOf(fields.stop_reason ?? fields.finish_reason);
	return {
		text: typeof said === "string" ? said : (last?.content ?? ""),
		messages: messages ?? [],
		...usage,
		...known({ stopReason, costUsd: amount(fields.cost_usd), durationMs: amount(fields.duration_ms) }),
		...known({ llmCalls: amount(fields.llm_calls) }),
	};
}

function withoutLastBreak(text: string): string {
	if (text.endsWith("\r\n")) return text.slice(0, -2);
	return text.endsWith("\n") ? text.slice(0, -1) : text;
}

function amount(value: unknown): number | undefined {
	return typeof value === "number" ? value : undefined;
}

function readMessages(value: unknown): AnswerMessage[] | undefined {
	if (!Array.isArray(value) || value.length === 0) return undefined;
	const messages: AnswerMessage[] = [];
	// One more than allowed is enough to reject the list.
	for (const entry of value.slice(0, mostMessages + 1)) {
		const { parts, content } = readContent((entry as { content?: unknown } | null)?.content);
		const read = messageSchema.safeParse(parts ? { ...(entry as object), content } : entry);
		if (!read.success) return undefined;
		messages.push({ ...messageOf(read.data), ...(parts?.some(({ type }) => type !== "text") ? { parts } : {}) });
	}
	return messages;
}

/** As programs print it: the content is in `value`, or under the name of its kind. */
const partsSchema = z
	.array(
		wireObject({
			type: z.enum(["text", "file", "image"]),
			value: z.string().optional(),
			text: z.string().optional(),
			path: z.string().optional(),
			url: z.string().optional(),
			mediaType: z.string().optional(),
		}),
	)
	.min(1);

function readContent(content: unknown): { readonly parts?: readonly AnswerPart[]; readonly content?: string } {
	// Plain text is by far the most common, and a failed parse is more expensive than the rest.
	if (!Array.isArray(content)) return {};
	const read = partsSchema.safeParse(content);
	if (!read.success) return {};
	const parts: AnswerPart[] = [];
	for (const { type, value, text, path, url, mediaType } of read.data) {
		const held = type === "text" ? (text ?? value) : (path ?? value ?? url);
		if (held === undefined) return {};
		if (type === "text") parts.push({ type, text: held });
		else parts.push({ type, path: held, ...(mediaType === undefined ? {} : { mediaType }) });
	}
	return { parts, content: parts.map(partText).join("\n\n") };
}

export function partText(part: AnswerPart): string {
	return part.type === "text" ? part.text : `[${part.type}: ${part.path}]`;
}

function messageOf({ role, content, toolCalls }: MessageEntry): AnswerMessage {
	return { role, content: plainContent(content), ...(toolCalls && toolCalls.length > 0 ? { toolCalls } : {}) };
}

function plainContent(content: MessageEntry["content"]): string {
	if (content === undefined || typeof content === "string") return content ?? "";
	return JSON.stringify(content);
}

/** Incomplete counts are dropped, since they don't determine the sum. */
function readUsage(value: unknown): Pick<TargetAnswer, "tokenUsage" | "warnings"> {
	if (typeof value !== "object" || value === null) return {};
	const { input, output, cached, reasoning } = value as Readonly<Record<string, unknown>>;
	if (typeof input !== "number" && typeof output !== "number") return {};
	if (typeof input === "number" && typeof output === "number")
		return { tokenUsage: { input, output, ...known({ cached: amount(cached), reasoning: amount(reasoning) }) } };
	const missing = typeof input === "number" ? "output" : "input";
	return { warnings: [`the target's token_usage has no number in \`${missing}\`: it is ignored`] };
}

const maxOutputLength = 2000;

/** Returns undefined if the program succeeded. @param what the subject of the message */
export function processFailure(result: ProcessResult, what: string): TargetFailure | undefined {
	const said = (result.stderr.trim() || result.stdout.trim()).slice(-maxOutputLength);
	const saying = said === "" ? "" : `: ${said}`;
	const end = abnormalEnd(what, result, saying);
	if (end) {
		const failure = { ...end, retryable: end.code === "timeout" || end.code === "signal" };
		// Programs are checked before a run, so a missing one was removed later.
		return isResourceCode(result.startError?.code ?? "") ? { ...failure, causedBy: "machine" } : failure;
	}
	if (result.exitCode === 0) return undefined;
	const missing = result.exitCode === 126 || result.exitCode === 127;
	return { code: "exit-code", message: `${what} exited with ${result.exitCode}${saying}`, retryable: !missing };
}

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

/** Accepts text or a list of `{type: "text", text}` blocks. */
export function contentText(value: unknown): string | undefined {
	if (typeof value === "string") return value;
	if (!Array.isArray(value)) return undefined;
	return records(value)
		.flatMap((block) => text(block.text) ?? [])
		.join("\n");
}

/** In characters; a longer line arrives in several chunks. */
const pieceLength = 1024 * 1024;
const maxEventLength = 64 * 1024 * 1024;

/** Parses JSON objects, one per line; other lines are ignored. */
export function objectLines(onObject: (object: Fields) => void): (line: string) => void {
	let begun = "";
	return (line) => {
		if (begun === "" && !line.trimStart().startsWith("{")) return;
		const text = begun + line;
		const object = parseObject(text);
		const isPiece = object === undefined && line.length > pieceLength && text.length < maxEventLength;
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

/** Returns everything, or in a resumed session only what follows the last answer. */
export function newWords({ session, prompt, messages }: TargetRequest): string {
	if (session === undefined) return prompt;
	const last = messages.findLastIndex(({ role }) => role === "assistant");
	return messages
		.slice(last + 1)
		.map(({ content }) => content.map(pieceText).join("\n\n"))
		.join("\n\n");
}

function pieceText(piece: RequestPiece): string {
	return piece.type === "text" ? piece.text : `[${piece.type}: ${piece.path}]`;
}

class TokenSum {
	#sum: TokenUsage | undefined;
	#isKnown = true;

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

	get usage(): TokenUsage | undefined {
		return this.#isKnown ? this.#sum : undefined;
	}
}

type Open = { -readonly [Key in keyof ToolCall]: ToolCall[Key] } & { startedAt: number };

export class Transcript {
	readonly #messages: { content: string; toolCalls: Open[] }[] = [];
	readonly #calls = new Map<string, Open>();

	say(text: string): void {
		if (text.trim() !== "") this.#messages.push({ content: text, toolCalls: [] });
	}

	/** A second start of the same call only completes its input. */
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

	/** Records when the tool actually started: the time before was the model's. */
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

export interface AgentReport extends Readonly<{ [Key in keyof Figures]?: Figures[Key] | undefined }> {
	readonly messages: readonly AnswerMessage[];
	/** Default: the last assistant message's text. */
	readonly text?: string | undefined;
	readonly session?: string | undefined;
	readonly model?: string | undefined;
	/** In the agent's or its vendor's words. */
	readonly stopReason?: unknown;
	readonly failure?: string | undefined;
	/** Default: true. */
	readonly retryable?: boolean;
	/** Whether the event that ends every run is missing. */
	readonly isIncomplete?: boolean;
}

/** Reads the events of one run. Unknown events are ignored, since agents add new ones. */
export abstract class AgentReader {
	protected readonly transcript = new Transcript();
	protected readonly tokens = new TokenSum();
	protected session: string | undefined;
	protected model: string | undefined;
	protected failure: string | undefined;
	protected calls = 0;

	/** @param at arrival time in milliseconds, for the duration of calls */
	abstract event(event: AgentEvent, at: number): void;

	finish(): AgentReport {
		const { session, model, failure, calls } = this;
		const llmCalls = calls > 0 ? calls : undefined;
		return { messages: this.transcript.messages(), tokenUsage: this.tokens.usage, llmCalls, session, model, failure };
	}
}
