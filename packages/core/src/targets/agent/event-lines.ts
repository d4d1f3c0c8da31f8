import type { AgentEvent } from "./agent-protocol.ts";

/** Longer lines come in pieces of at least this many characters. */
const pieceLength = 1024 * 1024;
const longestEvent = 64 * 1024 * 1024;

/** Reads JSON events, one a line, from what a program prints. Lines that are no event are a program's chatter. */
export function eventLines(onEvent: (event: AgentEvent) => void): (line: string) => void {
	let begun = "";
	return (line) => {
		if (begun === "" && !line.trimStart().startsWith("{")) return;
		const text = begun + line;
		const event = parseEvent(text);
		const isPiece = event === undefined && line.length > pieceLength && text.length < longestEvent;
		begun = isPiece ? text : "";
		if (event) onEvent(event);
	};
}

function parseEvent(text: string): AgentEvent | undefined {
	if (!text.trimEnd().endsWith("}")) return undefined;
	try {
		const value = JSON.parse(text) as { type?: unknown };
		return typeof value.type === "string" ? (value as AgentEvent) : undefined;
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}
