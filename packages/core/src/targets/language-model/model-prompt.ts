import type { LanguageModelV3FilePart, LanguageModelV3Message, LanguageModelV3TextPart } from "@ai-sdk/provider";
import { readBytes } from "../../io/files/read-text.ts";
import type { RequestMessage, RequestPiece } from "../contract.ts";
import { decodeText, mediaTypeOf } from "./media-type.ts";

const largestFile = 20 * 1024 * 1024;

/**
 * Converts a conversation for the SDK, after the target's `system_prompt`.
 * @throws AgentvError if a file is unreadable
 */
export function toModelPrompt(messages: readonly RequestMessage[], systemPrompt?: string): LanguageModelV3Message[] {
	const converted = messages.flatMap(toModelMessage);
	return systemPrompt === undefined ? converted : [{ role: "system", content: systemPrompt }, ...converted];
}

function toModelMessage(message: RequestMessage, index: number): LanguageModelV3Message[] {
	switch (message.role) {
		case "system":
			return [{ role: "system", content: plainText(message.content) }];
		case "assistant":
			return assistantMessages(message, index);
		case "tool":
			// Without the call, a tool's message can only be sent as text.
			return [{ role: "user", content: [textPart(`Tool result:\n${plainText(message.content)}`)] }];
		case "user":
			return [{ role: "user", content: message.content.map(userPart) }];
	}
}

function textPart(text: string): LanguageModelV3TextPart {
	return { type: "text", text };
}

/** Returns what the assistant said, followed by the results of the tools that it called. */
function assistantMessages({ content, toolCalls = [] }: RequestMessage, index: number): LanguageModelV3Message[] {
	const text = plainText(content);
	const calls = toolCalls.map(({ tool, id, input, output }, position) => ({
		call: { toolCallId: id ?? `call-${index}-${position}`, toolName: toolName(tool) },
		input: input ?? {},
		output: { type: "text" as const, value: asText(output) },
	}));
	const said = [
		...(text === "" ? [] : [textPart(text)]),
		...calls.map(({ call, input }) => ({ type: "tool-call" as const, ...call, input })),
	];
	// Vendors reject empty messages.
	if (said.length === 0) return [];
	const results = calls.map(({ call, output }) => ({ type: "tool-result" as const, ...call, output }));
	return [
		{ role: "assistant", content: said },
		...(results.length > 0 ? [{ role: "tool" as const, content: results }] : []),
	];
}

/** Vendors only allow letters, digits, `_` and `-`. */
function toolName(tool: string): string {
	return tool.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 64) || "tool";
}

function asText(value: unknown): string {
	if (value === undefined) return "";
	return typeof value === "string" ? value : JSON.stringify(value);
}

function userPart(piece: RequestPiece): LanguageModelV3TextPart | LanguageModelV3FilePart {
	if (piece.type === "text") return textPart(piece.text);
	const bytes = readBytes(piece.path, { maxBytes: largestFile });
	const mediaType = mediaTypeOf(piece, bytes);
	const text = mediaType.startsWith("image/") ? undefined : decodeText(bytes);
	if (text !== undefined) return textPart(fileText(piece.name, text));
	return { type: "file", data: new Uint8Array(bytes), mediaType, filename: piece.name };
}

/** Returns the text of a message's pieces, with files as text. */
function plainText(pieces: readonly RequestPiece[]): string {
	return pieces
		.map((piece) => {
			if (piece.type === "text") return piece.text;
			const text = decodeText(readBytes(piece.path, { maxBytes: largestFile }));
			return fileText(piece.name, text ?? "(a binary file)");
		})
		.join("\n\n");
}

function fileText(name: string, text: string): string {
	return `<file path="${name.replaceAll('"', "'")}">\n${text}\n</file>`;
}
