import type { DocumentPath, FindingKind } from "./errors.ts";

/** Characters that references may still insert. Anything beyond that remains as written. */
export interface TextBudget {
	left: number;
}

/** UTF-16 units that `${{ }}` may insert into one file, and `{{ }}` into an eval's tests. */
export const mostInserted = 50_000_000;

/** UTF-16 units that `${{ }}` may insert into a path, URL or name. */
export const mostInField = 10_000;

export const textLimit: FindingKind<{ allowed: number }> = {
	rule: "yaml.limits",
	severity: "error",
	message: ({ allowed }) => `References insert more than ${allowed.toLocaleString("en-US")} characters`,
	hint: () => "Reference the large text in fewer places, or move it to a workspace file",
};

export interface VariableUse {
	readonly name: string;
	readonly path: DocumentPath;
	readonly defaultText?: string;
	/** `unset`: neither a value nor a default; the text was left as written. */
	readonly state: "set" | "default" | "unset";
	/** Set to whitespace only, without a default. */
	readonly isEmpty?: true;
	readonly whole: boolean;
	readonly range: OffsetRange;
}

/** Left unchanged: `${{ github.ref }}`, for example. */
interface MalformedReference {
	readonly path: DocumentPath;
	readonly text: string;
	readonly range: OffsetRange;
}

export interface InterpolationResult<T = unknown> {
	/** Same shape as the input; unchanged parts are the same objects. Strings stay strings. */
	readonly value: T;
	readonly uses: readonly VariableUse[];
	/** Each text once per string, and only the first few. */
	readonly malformed: readonly MalformedReference[];
}

export type Variables = Readonly<Record<string, string | undefined>>;

interface Walk {
	readonly variables: Variables;
	readonly path: DocumentPath;
	readonly uses: VariableUse[];
	readonly malformed: MalformedReference[];
	readonly budget: TextBudget;
}

/**
 * Replaces `${{ NAME }}` and `${{ NAME:-default }}` in every string value (never a key) of `value`.
 * The default applies if NAME is unset or empty. An unset NAME without a default remains as written
 * and is reported as `unset`: whether that is an error depends on where the value is used. `$${{`
 * becomes a literal `${{`. Inserted values are never interpolated again.
 * @param budget reduced by each insertion; default that of a single field (a path, a URL, a name).
 * Once it is exhausted, references remain as written and `left` is negative
 */
export function interpolateEnv<T>(
	value: T,
	env: Variables,
	budget: TextBudget = { left: mostInField },
): InterpolationResult<T> {
	const uses: VariableUse[] = [];
	const malformed: MalformedReference[] = [];
	const replaced = mapLeaves(value, (leaf, path) => {
		if (typeof leaf !== "string" || !leaf.includes("${{")) return leaf;
		return replaceIn(leaf, { variables: env, path: [...path], uses, malformed, budget });
	});
	return { value: replaced as T, uses, malformed };
}

/** Unchanged parts are the same objects. `path` is only valid during the call. */
export function mapLeaves(value: unknown, map: (leaf: unknown, path: DocumentPath) => unknown): unknown {
	const path: (string | number)[] = [];
	const at = (step: string | number, item: unknown): unknown => {
		path.push(step);
		const mapped = visit(item);
		path.pop();
		return mapped;
	};
	const visit = (item: unknown): unknown => {
		if (typeof item !== "object" || item === null) return map(item, path);
		if (Array.isArray(item)) {
			let copy: unknown[] | undefined;
			for (let index = 0; index < item.length; index++) {
				const mapped = at(index, item[index]);
				if (mapped === item[index]) continue;
				copy ??= item.slice();
				copy[index] = mapped;
			}
			return copy ?? item;
		}
		let copy: Record<string, unknown> | undefined;
		const object = item as Record<string, unknown>;
		for (const key of Object.keys(object)) {
			const mapped = at(key, object[key]);
			if (mapped === object[key]) continue;
			// Spreading creates own properties, so a key named `__proto__` stays one and the
			// assignment below sets it.
			copy ??= { ...object };
			copy[key] = mapped;
		}
		return copy ?? item;
	};
	return visit(value);
}

/** Per string; the first ones are enough to find the mistake. */
const maxLookAlikes = 20;

function replaceIn(text: string, walk: Walk): string {
	let result = "";
	let done = 0;
	const lookAlikes = new Set<string>();
	for (const token of scanReferences(text)) {
		const [start, end] = token.range;
		result += text.slice(done, start);
		done = end;
		if (token.kind === "escape") {
			result += "${{";
		} else if (token.kind === "malformed") {
			if (!lookAlikes.has(token.text) && lookAlikes.size < maxLookAlikes) {
				lookAlikes.add(token.text);
				walk.malformed.push({ path: walk.path, text: token.text, range: token.range });
			}
			result += token.text;
		} else {
			const { kind: _, ...reference } = token;
			const value = Object.hasOwn(walk.variables, token.name) ? walk.variables[token.name] : undefined;
			const set = value !== undefined && (value !== "" || token.defaultText === undefined);
			const state = set ? "set" : token.defaultText === undefined ? "unset" : "default";
			walk.uses.push({
				...reference,
				path: walk.path,
				state,
				...(set && value.trim() === "" ? { isEmpty: true as const } : {}),
				whole: start === 0 && end === text.length,
			});
			const inserted = set ? value : token.defaultText;
			walk.budget.left -= inserted?.length ?? 0;
			result += inserted === undefined || walk.budget.left < 0 ? text.slice(start, end) : inserted;
		}
	}
	return result + text.slice(done);
}

const decimal = /^-?(0|[1-9]\d*)(\.\d+)?$/;

/** Converts only `true`, `false` and plain decimals, not `007` or `1e3`. */
export function referenceScalar(text: string): boolean | number | undefined {
	if (text === "true") return true;
	if (text === "false") return false;
	return decimal.test(text) ? Number(text) : undefined;
}

/** Returns only own entries: input can be `constructor`, which every object inherits. */
export function lookUp<Value>(table: Readonly<Record<string, Value>>, name: string): Value | undefined {
	return Object.hasOwn(table, name) ? table[name] : undefined;
}

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
