import type { z } from "zod";
import { writtenJson } from "../base/written-json.ts";
import type { contentSchema, expectedOutputSchema, inputSchema, MessageEntry } from "../schema/message.ts";
import { roles } from "../schema/message.ts";
import type { ContentPiece, Message } from "./eval-types.ts";
import type { Part } from "./source.ts";
import { child, placeOf } from "./source.ts";

type InputValue = z.output<typeof inputSchema>;
type ExpectedValue = z.output<typeof expectedOutputSchema>;
type Content = z.output<typeof contentSchema>;

/** `base` is the directory for file paths. */
export function readMessages(value: InputValue, part: Part, base: string): Message[] {
	if (typeof value === "string") return [{ role: "user", content: value }];
	if (!Array.isArray(value)) return [readMessage(value, part, [], base)];
	return value.map((entry, index) =>
		typeof entry === "string" ? { role: "user", content: entry } : readMessage(entry, part, [index], base),
	);
}

/** Objects that aren't messages are answers whose text is their JSON. */
export function readExpected(value: ExpectedValue, part: Part, base: string): Message[] {
	if (!Array.isArray(value) && isMessage(value)) return [readMessage(value, part, [], base)];
	if (Array.isArray(value)) {
		const messages = (value as readonly unknown[]).filter(isMessage);
		if (messages.length > 0 && messages.length === value.length)
			return messages.map((entry, index) => readMessage(entry, part, [index], base));
	}
	return [{ role: "assistant", content: typeof value === "string" ? value : scalarOrJson(value, part) }];
}

/** Returns a number as written, and anything else as JSON with its numbers as written. */
function scalarOrJson(value: unknown, part: Part): string {
	if (typeof value === "number" || typeof value === "boolean") return part.written([]) ?? String(value);
	return writtenJson(value, part.written, 2);
}

function isMessage(value: unknown): value is MessageEntry {
	const role = typeof value === "object" && value !== null ? (value as Record<string, unknown>).role : undefined;
	return roles.some((name) => name === role);
}

function readMessage(entry: MessageEntry, part: Part, path: number[], base: string): Message {
	return {
		role: entry.role,
		content: readContent(entry.content, part, [...path, "content"], base),
		...(entry.name === undefined ? {} : { name: entry.name }),
		...(entry.toolCalls ? { toolCalls: entry.toolCalls } : {}),
	};
}

function readContent(
	content: Content | undefined,
	part: Part,
	path: (string | number)[],
	base: string,
): Message["content"] {
	if (content === undefined) return "";
	if (typeof content === "string") return content;
	if (!Array.isArray(content)) return writtenJson(content, child(part, ...path).written, 2);
	return content.map((piece, index): ContentPiece => {
		if (piece.type === "text") return { type: "text", text: piece.value };
		const at = placeOf(part, [...path, index, "value"]);
		return {
			type: piece.type,
			path: { raw: piece.value, at, base },
			...(piece.mediaType ? { mediaType: piece.mediaType } : {}),
		};
	});
}

/** Returns the plain text of a message: its text pieces, joined by blank lines. */
export function messageText(message: Message): string {
	if (typeof message.content === "string") return message.content;
	return message.content.flatMap((piece) => (piece.type === "text" ? [piece.text] : [])).join("\n\n");
}

/** Inserts file pieces before the text of the first user message, as `input_files` defines. */
export function withInputFiles(messages: readonly Message[], files: readonly ContentPiece[]): Message[] {
	if (files.length === 0) return [...messages];
	const target = messages.findIndex((message) => message.role === "user");
	return messages.map((message, index) => {
		if (index !== target) return message;
		const content =
			typeof message.content === "string" ? [{ type: "text" as const, text: message.content }] : message.content;
		return { ...message, content: [...files, ...content] };
	});
}

/** Returns the pieces of an `input_files` field. */
export function inputFilePieces(files: readonly string[] | undefined, part: Part, base: string): ContentPiece[] {
	return (files ?? []).map((raw, index) => {
		const at = Array.isArray(part.value) ? placeOf(part, [index]) : part.at;
		return { type: "file", path: { raw, at, base } };
	});
}
