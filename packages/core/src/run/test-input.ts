import { messageToWire } from "../grading/message-to-wire.ts";
import type { Message, TestCase } from "../model/eval-types.ts";
import { resolvePath } from "../model/path-text.ts";
import { resolveWithinReach } from "../model/reach.ts";
import type { RequestMessage, RequestPiece } from "../targets/contract.ts";
import type { RunPlan } from "./run-plan.ts";

/** A test's messages as a target sees them: every file an absolute path. */
export function requestMessages(messages: readonly Message[], test: TestCase, { view }: RunPlan): RequestMessage[] {
	return messages.map(({ role, name, content, toolCalls }): RequestMessage => {
		const pieces =
			typeof content === "string"
				? [{ type: "text" as const, text: content }]
				: content.map((piece): RequestPiece => {
						if (piece.type === "text") return piece;
						const { path } = resolvePath(piece.path, test.suite.scope, view);
						const mediaType = piece.mediaType === undefined ? {} : { mediaType: piece.mediaType };
						return { type: piece.type, path, name: piece.path.raw, ...mediaType };
					});
		return {
			role,
			...(name === undefined ? {} : { name }),
			content: pieces,
			...(toolCalls ? { toolCalls } : {}),
		};
	});
}

/** Looks once more, as an attempt begins, where a test's files are. @throws AgentvError `config` if one is out of reach */
export function refuseFilesOutOfReach({ input, turns, suite }: TestCase, { view }: RunPlan): void {
	for (const { content } of [...input, ...turns.flatMap((turn) => turn.input)]) {
		if (typeof content === "string") continue;
		for (const piece of content)
			if (piece.type !== "text") resolveWithinReach(piece.path, "input file", suite.scope, view);
	}
}

/** A conversation as one text: a single user message is its bare text, several are marked by role. */
export function promptText(messages: readonly RequestMessage[]): string {
	const [only] = messages;
	if (only && messages.length === 1 && only.role === "user") return piecesText(only.content);
	return messages.map(({ role, content }) => `[${role}]\n${piecesText(content)}`).join("\n\n");
}

function piecesText(pieces: readonly RequestPiece[]): string {
	return pieces.map((piece) => (piece.type === "text" ? piece.text : `[${piece.type}: ${piece.path}]`)).join("\n\n");
}

export function requestFiles(messages: readonly RequestMessage[]): string[] {
	return messages.flatMap(({ content }) => content.flatMap((piece) => (piece.type === "text" ? [] : [piece.path])));
}

/** The input as hooks, extensions and records have it: plain text where it is one plain message, else a list of messages. */
export function inputToWire(messages: readonly RequestMessage[]): unknown {
	const [only] = messages;
	const [piece] = only?.content ?? [];
	const isPlain =
		only && messages.length === 1 && only.role === "user" && !only.toolCalls && !only.name && only.content.length === 1;
	if (isPlain && piece?.type === "text") return piece.text;
	return messages.map((message) => messageToWire(message, "name"));
}
