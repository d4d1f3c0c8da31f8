/** 1-based line and column (UTF-16 units, without a byte order mark), 0-based offset. */
export interface SourcePosition {
	readonly line: number;
	readonly column: number;
	readonly offset: number;
}

/** `end` is the position after the last character. */
export interface SourceRange {
	readonly start: SourcePosition;
	readonly end: SourcePosition;
}

/** Converts offsets to lines and columns. Lines are indexed on first use. */
export class LineIndex {
	readonly #text: string;
	#starts: number[] | undefined;

	constructor(text: string) {
		this.#text = text;
	}

	/** Returns the position of `offset`, which is clamped to the text. */
	positionAt(offset: number): SourcePosition {
		const at = Math.max(0, Math.min(offset, this.#text.length));
		this.#starts ??= lineStarts(this.#text);
		const line = lastAtOrBefore(this.#starts, at);
		const start = this.#starts[line] ?? 0;
		return { line: line + 1, column: Math.max(at - start, 0) + 1, offset: at };
	}

	range(start: number, end: number): SourceRange {
		return { start: this.positionAt(start), end: this.positionAt(end) };
	}
}

function lineStarts(text: string): number[] {
	const starts = [text.startsWith("\uFEFF") ? 1 : 0];
	for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
	return starts;
}

function lastAtOrBefore(starts: readonly number[], offset: number): number {
	let low = 0;
	let high = starts.length - 1;
	while (low < high) {
		const middle = (low + high + 1) >> 1;
		if ((starts[middle] ?? 0) <= offset) low = middle;
		else high = middle - 1;
	}
	return low;
}
