import type { Span } from "./secret-shapes.ts";

export interface Edit {
	readonly index: number;
	readonly length: number;
	readonly text: string;
}

/** A text that was edited to make it searchable, with a mapping back to offsets in the original. */
export class EditedText {
	readonly text: string;
	readonly #original: EditedText | undefined;
	readonly #originalLength: number;
	/** The start and end of each edit in this text and in the original. */
	readonly #edits: (readonly [start: number, end: number, from: number, to: number])[] = [];

	/** @param edits in order; an edit that overlaps the previous one is skipped */
	constructor(original: EditedText | string, edits: Iterable<Edit> = []) {
		const whole = typeof original === "string" ? original : original.text;
		this.#original = typeof original === "string" ? undefined : original;
		this.#originalLength = whole.length;
		const pieces: string[] = [];
		let [length, done] = [0, 0];
		for (const { index, length: replaced, text } of edits) {
			if (index < done) continue;
			pieces.push(whole.slice(done, index), text);
			const start = length + index - done;
			length = start + text.length;
			done = index + replaced;
			this.#edits.push([start, length, index, done]);
		}
		this.text = done === 0 ? whole : pieces.join("") + whole.slice(done);
	}

	get isEdited(): boolean {
		return this.#edits.length > 0;
	}

	/** Maps a span of this text to the original text. */
	span([start, end]: Span): Span {
		const isLast = end === this.text.length;
		const span: Span = this.isEdited
			? [this.#place(start)[0], isLast ? this.#originalLength : this.#place(end - 1)[1]]
			: [start, end];
		return this.#original?.span(span) ?? span;
	}

	#place(offset: number): Span {
		let [low, high] = [-1, this.#edits.length - 1];
		while (low < high) {
			const middle = Math.ceil((low + high) / 2);
			if ((this.#edits[middle]?.[0] ?? 0) <= offset) low = middle;
			else high = middle - 1;
		}
		const [, end, from, to] = this.#edits[low] ?? [0, 0, 0, 0];
		return offset < end ? [from, to] : [to + offset - end, to + offset - end + 1];
	}
}
