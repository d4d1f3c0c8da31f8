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

/** In order, without overlaps. A default extends to the first `}}` and is trimmed. */
export function scanReferences(text: string): ReferenceToken[] {
	const tokens: ReferenceToken[] = [];
	// Searching again for a missing `}}` after each opening would be quadratic.
	let nextClosing = -1;
	let start = text.indexOf(opening);
	while (start !== -1) {
		let end = start + opening.length;
		if (start > 0 && text[start - 1] === "$" && (tokens.at(-1)?.range[1] ?? 0) < start) {
			tokens.push({ kind: "escape", range: [start - 1, end] });
		} else {
			if (nextClosing < end && nextClosing !== Number.POSITIVE_INFINITY) {
				const index = text.indexOf(closing, end);
				nextClosing = index === -1 ? Number.POSITIVE_INFINITY : index;
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
	return { kind: "malformed", text: text.slice(start, end), range: [start, end] };
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

export interface TemplateName {
	readonly name: string;
	readonly range: OffsetRange;
	/** Counts earlier occurrences of the same name in the text. */
	readonly nth: number;
}

const namePattern = String.raw`[A-Za-z_][\w-]*(?:\.[\w-]+)*`;
/** `{{{{ name }}}}` is a literal `{{ name }}`; `${{ name }}` is an environment variable. */
const token = new RegExp(String.raw`\{\{(\{\{\s*${namePattern}\s*\}\})\}\}|(?<!\$)\{\{\s*(${namePattern})\s*\}\}`, "g");

/** In order. `{{#if …}}` and similar forms don't count. */
export function templateNames(text: string): TemplateName[] {
	if (!text.includes("{{")) return [];
	const names: TemplateName[] = [];
	const seen = new Map<string, number>();
	for (const { 0: whole, 2: name, index } of text.matchAll(token)) {
		if (name === undefined) continue;
		const nth = seen.get(name) ?? 0;
		seen.set(name, nth + 1);
		names.push({ name, range: [index, index + whole.length], nth });
	}
	return names;
}

export function findTemplateName(text: string, name: string, nth: number): OffsetRange | undefined {
	return templateNames(text).find((found) => found.name === name && found.nth === nth)?.range;
}

/** A name without a value stays as it is. Inserted values are never filled again. */
export function fillTemplate(text: string, textOf: (name: string) => string | undefined): string {
	if (!text.includes("{{")) return text;
	return text.replace(token, (whole, literal: string | undefined, name: string) =>
		literal === undefined ? (textOf(name) ?? whole) : literal,
	);
}

/** Like `fillTemplate`, but literals remain escaped, because the text is filled again. */
export function fillTemplateInPart(text: string, textOf: (name: string) => string | undefined): string {
	if (!text.includes("{{")) return text;
	return text.replace(token, (whole, literal: string | undefined, name: string) => {
		const value = literal === undefined ? textOf(name) : undefined;
		return value === undefined ? whole : value.replace(token, (inner) => `{{${inner}}}`);
	});
}
