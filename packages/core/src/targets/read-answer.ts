import { z } from "zod";
import { wireObject } from "../format/codec.ts";
import { type MessageEntry, messageSchema } from "../format/eval-file.ts";
import { readJson } from "../lib/json.ts";
import { isResourceCode } from "../machine/files.ts";
import type { ProcessResult } from "../machine/run-process.ts";
import {
	type AnswerMessage,
	type AnswerPart,
	abnormalEnd,
	known,
	mostMessages,
	stopReasonOf,
	type TargetAnswer,
	type TargetFailure,
} from "./contract.ts";

/**
 * Parses a program's output: plain text, or a JSON object with `text` or `output_messages`
 * (`output` is read as either), `token_usage`,
 * `cost_usd`, `duration_ms` and `stop_reason`. Other JSON is plain text. Figures are not checked
 * here.
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

/** Returns the answer in a JSON object of the form above; undefined if it is not an answer. */
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

/** Returns the messages of a list if every entry is one; else undefined. */
function readMessages(value: unknown): AnswerMessage[] | undefined {
	if (!Array.isArray(value) || value.length === 0) return undefined;
	const messages: AnswerMessage[] = [];
	// One more than allowed is enough to reject it.
	for (const entry of value.slice(0, mostMessages + 1)) {
		const { parts, content } = readContent((entry as { content?: unknown } | null)?.content);
		const read = messageSchema.safeParse(parts ? { ...(entry as object), content } : entry);
		if (!read.success) return undefined;
		messages.push({ ...messageOf(read.data), ...(parts?.some(({ type }) => type !== "text") ? { parts } : {}) });
	}
	return messages;
}

/** A piece as programs print it: its content is in `value`, or under the name of its kind. */
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

/** Returns a list of pieces with the text that represents it; anything else has no parts. */
function readContent(content: unknown): { readonly parts?: readonly AnswerPart[]; readonly content?: string } {
	// Plain text is by far the most common: a failed parse costs more than the rest of the message.
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

/** Returns a piece as it appears in a message's text. */
export function partText(part: AnswerPart): string {
	return part.type === "text" ? part.text : `[${part.type}: ${part.path}]`;
}

function messageOf({ role, content, toolCalls }: MessageEntry): AnswerMessage {
	return { role, content: contentText(content), ...(toolCalls && toolCalls.length > 0 ? { toolCalls } : {}) };
}

function contentText(content: MessageEntry["content"]): string {
	if (content === undefined || typeof content === "string") return content ?? "";
	return JSON.stringify(content);
}

/** Returns token counts; incomplete ones don't determine the sum. */
function readUsage(value: unknown): Pick<TargetAnswer, "tokenUsage" | "warnings"> {
	if (typeof value !== "object" || value === null) return {};
	const { input, output, cached, reasoning } = value as Readonly<Record<string, unknown>>;
	if (typeof input !== "number" && typeof output !== "number") return {};
	if (typeof input === "number" && typeof output === "number")
		return { tokenUsage: { input, output, ...known({ cached: amount(cached), reasoning: amount(reasoning) }) } };
	const missing = typeof input === "number" ? "output" : "input";
	return { warnings: [`the target's token_usage has no number in \`${missing}\`: it is ignored`] };
}

const longestSaid = 2000;

/** Undefined if the program succeeded. `what` is the subject of the message. */
export function processFailure(result: ProcessResult, what: string): TargetFailure | undefined {
	const said = (result.stderr.trim() || result.stdout.trim()).slice(-longestSaid);
	const saying = said === "" ? "" : `: ${said}`;
	const end = abnormalEnd(what, result, saying);
	if (end) {
		const failure = { ...end, retryable: end.code === "timeout" || end.code === "signal" };
		// Programs are checked before a run: a missing one was removed later.
		return isResourceCode(result.startError?.code ?? "") ? { ...failure, causedBy: "machine" } : failure;
	}
	if (result.exitCode === 0) return undefined;
	const missing = result.exitCode === 126 || result.exitCode === 127;
	return { code: "exit-code", message: `${what} exited with ${result.exitCode}${saying}`, retryable: !missing };
}
