import { deepestJson, nestsDeeper } from "./json-depth.ts";

/** A parsed JSON text: its value, or why it is invalid and the offset of the invalid character. */
export type JsonReading = { readonly value: unknown } | { readonly reason: string; readonly offset: number };

/** A record adds a few levels around a value from another program. */
const deepestRecord = deepestJson + 100;

/**
 * Parses `source`. The reason is in the engine's words, without its position.
 * @param deepest maximum nesting of the value
 */
export function readJson(source: string, deepest = deepestRecord): JsonReading {
	try {
		const value: unknown = JSON.parse(source);
		// Each level takes two brackets, so most texts are too short to need the check.
		if (source.length <= 2 * deepest || !nestsDeeper(value, deepest)) return { value };
		return { reason: `more than ${deepest} levels of values`, offset: 0 };
	} catch (error) {
		return problem(source, error instanceof Error ? error.message : String(error));
	}
}

/** Removes a code fence around the whole text, in which models often wrap JSON. */
export function withoutFence(text: string): string {
	const trimmed = text.trim();
	const opening = /^```(?:json)?\s*\n/.exec(trimmed)?.[0].length ?? trimmed.length;
	if (!trimmed.endsWith("```") || trimmed.length < opening + 3) return text;
	return trimmed.slice(opening, -3);
}

function problem(source: string, message: string): JsonReading {
	const reason = message
		.replace(/ in JSON at position \d+[\s\S]*$/, "")
		.replace(/, (\.\.\.)?"[\s\S]*$/, "")
		.replace(/ of JSON input$/, " of the text");
	return { reason, offset: offsetOf(source, message) };
}

/** Engines omit the offset in some messages; then it is the end of the shortest bad prefix. */
function offsetOf(source: string, message: string): number {
	const position = positionIn(message);
	if (position !== undefined) return Math.min(position, source.length);
	if (isIncomplete(message, source.length)) return source.length;
	let incomplete = 0;
	let failing = source.length;
	while (failing - incomplete > 1) {
		const middle = (incomplete + failing) >> 1;
		const found = failure(source.slice(0, middle));
		if (found === undefined || isIncomplete(found, middle)) incomplete = middle;
		else failing = middle;
	}
	return failing - 1;
}

function isIncomplete(message: string, length: number): boolean {
	return /end of JSON input|Unterminated string/.test(message) || positionIn(message) === length;
}

function positionIn(message: string): number | undefined {
	const digits = /in JSON at position (\d+)/.exec(message)?.[1];
	return digits === undefined ? undefined : Number(digits);
}

function failure(source: string): string | undefined {
	try {
		JSON.parse(source);
		return undefined;
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
}
