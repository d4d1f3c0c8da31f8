/**
 * Which `}` closes which `{` in text that is not JSON: by counting braces outside of quotes, and for braces inside quotes by counting all of
 * them. Found in two passes over the whole text, so that any number of questions takes linear time.
 */
export class BraceMatches {
	/** 0: none. A closing brace is never at offset 0. */
	readonly #outsideQuotes: Int32Array;
	readonly #counted: Int32Array;

	constructor(text: string) {
		this.#outsideQuotes = matchesOf(text, true);
		this.#counted = matchesOf(text, false);
	}

	/** Returns the offset of the brace that closes the one at `start`; `undefined` if it is never closed. */
	closing(start: number): number | undefined {
		return this.#outsideQuotes[start] || this.#counted[start] || undefined;
	}
}

function matchesOf(text: string, skipsQuotes: boolean): Int32Array {
	const matches = new Int32Array(text.length);
	const open: number[] = [];
	/** The end of the line in which no further quote of a kind is closed. */
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

/** The apostrophe of `don't` opens no quote. */
function followsWord(text: string, at: number): boolean {
	return at > 0 && /\w/.test(text[at - 1] ?? "");
}

/** The offset of the quote that closes the one at `start` on the same line, else of the line's end. */
function quoteEnd(text: string, start: number, quote: string): number {
	let at = start + 1;
	for (; at < text.length && text[at] !== "\n"; at += 1) {
		if (text[at] === quote) return at;
		if (text[at] === "\\" && text[at + 1] !== "\n") at += 1;
	}
	return at;
}
