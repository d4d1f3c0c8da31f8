import type { Fields } from "./event-fields.ts";

/** Longer lines arrive in chunks of at least this many characters. */
const pieceLength = 1024 * 1024;
const longestEvent = 64 * 1024 * 1024;

/** Parses JSON objects, one per line, from a program's output. Other lines are ignored. */
export function objectLines(onObject: (object: Fields) => void): (line: string) => void {
	let begun = "";
	return (line) => {
		if (begun === "" && !line.trimStart().startsWith("{")) return;
		const text = begun + line;
		const object = parseObject(text);
		const isPiece = object === undefined && line.length > pieceLength && text.length < longestEvent;
		begun = isPiece ? text : "";
		if (object) onObject(object);
	};
}

function parseObject(text: string): Fields | undefined {
	if (!text.trimEnd().endsWith("}")) return undefined;
	try {
		return JSON.parse(text) as Fields;
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}
