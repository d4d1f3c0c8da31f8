import type { RequestPiece, TargetRequest } from "../contract.ts";

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
