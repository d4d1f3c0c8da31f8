/**
 * Matches braces in text that is not JSON: by counting braces outside quotes and, for braces inside
 * quotes, by counting all of them. Two passes over the whole text make any number of lookups
 * linear.
 */
export class BraceMatches {
	/** 0 means none: a closing brace is never at offset 0. */
	readonly #outsideQuotes: Int32Array;
	readonly #counted: Int32Array;

	constructor(text: string) {
		this.#outsideQuotes = matchesOf(text, true);
		this.#counted = matchesOf(text, false);
	}

	/** Returns the offset of the brace that closes the one at `start`, if any. */
	closing(start: number): number | undefined {
		return this.#outsideQuotes[start] || this.#counted[start] || undefined;
	}
}

function matchesOf(text: string, skipsQuotes: boolean): Int32Array {
	const matches = new Int32Array(text.length);
	const open: number[] = [];
	/** The end of the line after which quotes of a kind are no longer closed. */
	const unclosed = { '"': -1, "'": -1 };
	for (let at = 0; at < text.length; at += 1) {
		const character = text[at];
		if (character === "{") open.push(at);
		else if (character === "}") {
			const start = open.pop();
			if (start !== undefined) matches[start] = at;
		} else if (skipsQuotes && (character === '"' || (character === "'" && !followsWord(text, at)))) {
			if (at < unclosed[character]) continue;
			const end = quoteEnd(text, at, character);
			if (text[end] === character) at = end;
			else unclosed[character] = end;
		}
	}
	return matches;
}

/** Returns true for the apostrophe of `don't`, which doesn't open a quote. */
function followsWord(text: string, at: number): boolean {
	return at > 0 && /\w/.test(text[at - 1] ?? "");
}

/** Returns the offset of the closing quote on the same line, or the line's end. */
function quoteEnd(text: string, start: number, quote: string): number {
	let at = start + 1;
	for (; at < text.length && text[at] !== "\n"; at += 1) {
		if (text[at] === quote) return at;
		if (text[at] === "\\" && text[at + 1] !== "\n") at += 1;
	}
	return at;
}
