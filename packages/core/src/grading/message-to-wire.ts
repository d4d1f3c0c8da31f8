import { toWire } from "../schema/to-wire.ts";
import type { RequestMessage } from "../targets/contract.ts";

/** Returns a message for programs and records: a lone text is that text. */
export function messageToWire(
	{ role, name, content, toolCalls }: RequestMessage,
	files: "path" | "name",
): Record<string, unknown> {
	const [first, ...more] = content;
	const isText = first?.type === "text" && more.length === 0;
	return {
		role,
		...(name === undefined ? {} : { name }),
		content: isText
			? first.text
			: content.map((piece) =>
					piece.type === "text" ? { type: "text", value: piece.text } : { type: piece.type, value: piece[files] },
				),
		...(toolCalls ? { tool_calls: toolCalls.map(toWire) } : {}),
	};
}
