import type { OffsetRange } from "./scan-references.ts";

/** Replaces a range of a text (UTF-16 offsets, end exclusive); an empty range inserts. */
export interface TextEdit {
	readonly range: OffsetRange;
	readonly text: string;
}

/**
 * Returns `text` with all `edits` applied, each against the original text. Insertions at the same
 * offset keep their order.
 * @throws RangeError if two edits overlap or one is outside the text
 */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
	const sorted = [...edits].sort((a, b) => a.range[0] - b.range[0] || a.range[1] - b.range[1]);
	let result = "";
	let done = 0;
	for (const { range, text: replacement } of sorted) {
		const [start, end] = range;
		if (start < done || end < start || end > text.length) {
			throw new RangeError(`The edit at ${start}–${end} overlaps another or is outside the text`);
		}
		result += text.slice(done, start) + replacement;
		done = end;
	}
	return result + text.slice(done);
}
