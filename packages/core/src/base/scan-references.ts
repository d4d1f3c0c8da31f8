/**
 * A piece of a text that begins with `${{`: a reference to a variable, the escape `$${{` (a literal
 * `${{`), or text that only looks like a reference.
 */
export type ReferenceToken =
	| {
			readonly kind: "reference";
			readonly name: string;
			readonly defaultText?: string;
			readonly range: OffsetRange;
	  }
	| { readonly kind: "escape"; readonly range: OffsetRange }
	| {
			readonly kind: "malformed";
			readonly text: string;
			readonly range: OffsetRange;
	  };

/** In UTF-16 units, end exclusive. */
export type OffsetRange = readonly [start: number, end: number];

const opening = "${{";
const closing = "}}";
const content = /^\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?::-([\s\S]*))?$/;

/**
 * Returns every reference, escape and look-alike in `text`, in order and without overlaps; the text
 * between them is literal.
 * A default extends to the first `}}`, is trimmed and literal.
 */
export function scanReferences(text: string): ReferenceToken[] {
	const tokens: ReferenceToken[] = [];
	// Without a `}}` there is none further on either: searching again for each opening would be
	// quadratic.
	let nextClosing = -1;
	let start = text.indexOf(opening);
	while (start !== -1) {
		let end = start + opening.length;
		if (start > 0 && text[start - 1] === "$" && (tokens.at(-1)?.range[1] ?? 0) < start) {
			tokens.push({ kind: "escape", range: [start - 1, end] });
		} else {
			if (nextClosing < end && nextClosing !== Number.POSITIVE_INFINITY) {
				const found = text.indexOf(closing, end);
				nextClosing = found === -1 ? Number.POSITIVE_INFINITY : found;
			}
			const token = readReference(text, start, nextClosing);
			tokens.push(token);
			end = token.range[1];
		}
		start = text.indexOf(opening, end);
	}
	return tokens;
}

function readReference(text: string, start: number, closingAt: number): ReferenceToken {
	const inside = start + opening.length;
	if (closingAt !== Number.POSITIVE_INFINITY) {
		const inner = text.slice(inside, closingAt);
		const match = content.exec(inner);
		if (match?.[1] !== undefined) {
			const range = [start, closingAt + closing.length] as const;
			const defaultText = match[2]?.trim();
			return defaultText === undefined
				? { kind: "reference", name: match[1], range }
				: { kind: "reference", name: match[1], defaultText, range };
		}
	}
	const end = malformedEnd(text, inside, closingAt);
	return {
		kind: "malformed",
		text: text.slice(start, end),
		range: [start, end],
	};
}

/** Ends at its own `}}` on the same line, else at the line's end or the next `${{`. */
function malformedEnd(text: string, inside: number, closingAt: number): number {
	const nextOpening = text.indexOf(opening, inside);
	const limit = nextOpening === -1 ? text.length : nextOpening;
	const newline = text.slice(inside, limit).indexOf("\n");
	const stop = newline === -1 ? limit : inside + newline;
	if (closingAt < stop) return closingAt + closing.length;
	// `$${{` after an unclosed opening keeps its first dollar sign.
	return stop === nextOpening && stop > inside && text[stop - 1] === "$" ? stop - 1 : stop;
}
