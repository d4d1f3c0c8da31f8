import type { AssistantContent, ModelMessage, ToolResultPart, UserContent } from "ai";
import { readBytes } from "../../io/files/read-text.ts";
import type { RequestMessage, RequestPiece } from "../contract.ts";

const imageTypes: Readonly<Record<string, string>> = {
	png: "image/png",
	jpg: "image/jpeg",
	jpeg: "image/jpeg",
	gif: "image/gif",
	webp: "image/webp",
};
const fileTypes: Readonly<Record<string, string>> = {
	...imageTypes,
	pdf: "application/pdf",
	mp3: "audio/mpeg",
	wav: "audio/wav",
};
const largestFile = 20 * 1024 * 1024;

/** A conversation in the SDK's terms, a target's `system_prompt` before it. */
export async function toModelMessages(
	messages: readonly RequestMessage[],
	systemPrompt?: string,
): Promise<ModelMessage[]> {
	const converted = messages.flatMap((message, index) => toModelMessage(message, index));
	return systemPrompt === undefined ? converted : [{ role: "system", content: systemPrompt }, ...converted];
}

function toModelMessage(message: RequestMessage, index: number): ModelMessage[] {
	switch (message.role) {
		case "system":
			return [{ role: "system", content: plainText(message.content) }];
		case "assistant":
			return assistantMessages(message, index);
		case "tool":
			// Without the call it answers, a tool's message can only be told as what it says.
			return [{ role: "user", content: `Tool result:\n${plainText(message.content)}` }];
		default:
			return [{ role: "user", content: userContent(message.content) }];
	}
}

function assistantMessages(message: RequestMessage, index: number): ModelMessage[] {
	const text = plainText(message.content);
	const calls = (message.toolCalls ?? []).map((call, position) => ({
		call,
		id: call.id ?? `call-${index}-${position}`,
	}));
	const content: AssistantContent = [
		...(text === "" ? [] : [{ type: "text" as const, text }]),
		...calls.map(({ call, id }) => ({
			type: "tool-call" as const,
			toolCallId: id,
			toolName: call.tool,
			input: call.input ?? {},
		})),
	];
	const results = calls.map(
		({ call, id }): ToolResultPart => ({
			type: "tool-result",
			toolCallId: id,
			toolName: call.tool,
			output: { type: "text", value: asText(call.output) },
		}),
	);
	return [{ role: "assistant", content }, ...(results.length > 0 ? [{ role: "tool" as const, content: results }] : [])];
}

function asText(value: unknown): string {
	if (value === undefined) return "";
	return typeof value === "string" ? value : JSON.stringify(value);
}

function userContent(pieces: readonly RequestPiece[]): UserContent {
	const only = pieces.length === 1 ? pieces[0] : undefined;
	if (only?.type === "text") return only.text;
	return pieces.map((piece) => {
		if (piece.type === "text") return { type: "text", text: piece.text };
		const bytes = readBytes(piece.path, { maxBytes: largestFile });
		const ending = piece.path.split(".").at(-1)?.toLowerCase() ?? "";
		const known = piece.mediaType ?? fileTypes[ending];
		if (piece.type === "image" || known?.startsWith("image/"))
			return { type: "image", image: bytes, ...(known ? { mediaType: known } : {}) };
		const text = decode(bytes);
		if (text !== undefined) return { type: "text", text: fileText(piece.name, text) };
		return { type: "file", data: bytes, mediaType: known ?? "application/octet-stream", filename: piece.name };
	});
}

/** The text pieces of a message; files in system messages are given as text. */
function plainText(pieces: readonly RequestPiece[]): string {
	return pieces
		.map((piece) =>
			piece.type === "text"
				? piece.text
				: fileText(piece.name, decode(readBytes(piece.path, { maxBytes: largestFile })) ?? ""),
		)
		.join("\n\n");
}

function fileText(name: string, text: string): string {
	return `<file path="${name.replaceAll('"', "'")}">\n${text}\n</file>`;
}

/** The bytes as UTF-8, or `undefined` where they are no text. */
function decode(bytes: Uint8Array): string | undefined {
	if (bytes.includes(0)) return undefined;
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch (error) {
		if (error instanceof TypeError) return undefined;
		throw error;
	}
}
