import type { Message, TestCase } from "../eval/eval-types.ts";
import { resolvePath, resolveWithinReach } from "../eval/read-shape.ts";
import { messageToWire } from "../grading/attempt-record.ts";
import { omitUndefined } from "../lib/json.ts";
import type { AnswerMessage, RequestMessage, RequestPiece } from "../targets/contract.ts";
import type { RunPlan } from "./run-plan.ts";

export function requestMessages(messages: readonly Message[], test: TestCase, { view }: RunPlan): RequestMessage[] {
	const pieceOf = (piece: Exclude<Message["content"], string>[number]): RequestPiece => {
		if (piece.type === "text") return piece;
		const { path } = resolvePath(piece.path, test.suite.scope, view);
		return omitUndefined({ type: piece.type, path, name: piece.path.raw, mediaType: piece.mediaType });
	};
	return messages.map(({ role, name, content, toolCalls }) =>
		omitUndefined({
			...{ role, name },
			content: typeof content === "string" ? [{ type: "text" as const, text: content }] : content.map(pieceOf),
			toolCalls,
		}),
	);
}

export function answerAsRequest(messages: readonly AnswerMessage[]): RequestMessage[] {
	return messages.map(({ role, content, toolCalls }) =>
		omitUndefined({ role, content: [{ type: "text" as const, text: content }], toolCalls }),
	);
}

/**
 * Checks the files again when an attempt starts.
 * @throws AgentvError `config` if one is not allowed
 */
export function refuseFilesOutOfReach({ input, turns, suite }: TestCase, { view }: RunPlan): void {
	for (const { content } of [...input, ...turns.flatMap((turn) => turn.input)]) {
		if (typeof content === "string") continue;
		for (const piece of content) if (piece.type !== "text") resolveWithinReach(piece.path, suite.scope, view);
	}
}

export function requestOf(messages: readonly RequestMessage[]) {
	const files = messages.flatMap(({ content }) =>
		content.flatMap((piece) => (piece.type === "text" ? [] : [piece.path])),
	);
	return { messages, prompt: promptText(messages), files };
}

export function promptText(messages: readonly RequestMessage[]): string {
	const [only] = messages;
	if (only && messages.length === 1 && only.role === "user") return piecesText(only.content);
	return messages.map(({ role, content }) => `[${role}]\n${piecesText(content)}`).join("\n\n");
}

function piecesText(pieces: readonly RequestPiece[]): string {
	return pieces.map((piece) => (piece.type === "text" ? piece.text : `[${piece.type}: ${piece.path}]`)).join("\n\n");
}

export function inputToWire(messages: readonly RequestMessage[]): unknown {
	const [only] = messages;
	const [piece] = only?.content ?? [];
	const isPlain =
		only && messages.length === 1 && only.role === "user" && !only.toolCalls && !only.name && only.content.length === 1;
	if (isPlain && piece?.type === "text") return piece.text;
	return messages.map((message) => messageToWire(message, "name"));
}
