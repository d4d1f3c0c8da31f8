import type { RequestPiece, TargetRequest } from "../contract.ts";

/** What an agent has not been told yet: everything, or, where it goes on with its session, what came after its last answer. */
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
