import type { DocumentPath } from "./diagnostic.ts";
import { type OffsetRange, scanReferences } from "./scan-references.ts";
import { mostInField, type TextBudget } from "./yaml-limits.ts";

/** One `${{ NAME }}` met in a string value. */
export interface VariableUse {
	readonly name: string;
	/** Where the string stands in the value that was interpolated. */
	readonly path: DocumentPath;
	readonly defaultText?: string;
	/** `unset`: neither a value nor a default; the text was left as written. */
	readonly state: "set" | "default" | "unset";
	/** It is set to nothing but blanks, and has no default. */
	readonly isEmpty?: true;
	/** The string is this one reference and nothing else. */
	readonly whole: boolean;
	/** Offsets within the string as written. */
	readonly range: OffsetRange;
}

/** Text that looks like a reference but is none, as `${{ github.ref }}`; it was kept as it is. */
export interface MalformedReference {
	readonly path: DocumentPath;
	readonly text: string;
	readonly range: OffsetRange;
}

export interface InterpolationResult<T = unknown> {
	/** Same shape as what went in; untouched parts are the same objects. Strings stay strings. */
	readonly value: T;
	readonly uses: readonly VariableUse[];
	/** Each text once for a string, and only the first ones of many. */
	readonly malformed: readonly MalformedReference[];
}

/** The environment as a plain value. */
export type Variables = Readonly<Record<string, string | undefined>>;

interface Walk {
	readonly variables: Variables;
	readonly path: (string | number)[];
	readonly uses: VariableUse[];
	readonly malformed: MalformedReference[];
	readonly budget: TextBudget;
}

/**
 * Replaces `${{ NAME }}` and `${{ NAME:-default }}` in every string value (never a key) of `value`.
 *
 * The default applies when NAME is unset or empty. An unset NAME without a default is left as written and reported
 * with state `unset`: whether that is an error depends on where the value is used. `$${{` becomes a literal `${{`.
 * What a variable holds is inserted as it is, never looked at again.
 *
 * @param budget is spent; default that of one field (a path, a URL, a name); once nothing is left of it, references stay as written, and `left` is negative
 */
export function interpolateEnv<T>(
	value: T,
	env: Variables,
	budget: TextBudget = { left: mostInField },
): InterpolationResult<T> {
	const walk: Walk = { variables: env, path: [], uses: [], malformed: [], budget };
	return {
		value: visit(value, walk) as T,
		uses: walk.uses,
		malformed: walk.malformed,
	};
}

function visit(value: unknown, walk: Walk): unknown {
	if (typeof value === "string") return value.includes("${{") ? replaceIn(value, walk) : value;
	if (typeof value !== "object" || value === null) return value;
	return Array.isArray(value) ? visitArray(value, walk) : visitObject(value as Record<string, unknown>, walk);
}

function visitArray(list: readonly unknown[], walk: Walk): unknown {
	let copy: unknown[] | undefined;
	for (let index = 0; index < list.length; index++) {
		walk.path.push(index);
		const item = visit(list[index], walk);
		walk.path.pop();
		if (item !== list[index]) {
			copy ??= list.slice();
			copy[index] = item;
		}
	}
	return copy ?? list;
}

function visitObject(object: Record<string, unknown>, walk: Walk): unknown {
	let copy: Record<string, unknown> | undefined;
	for (const key of Object.keys(object)) {
		walk.path.push(key);
		const item = visit(object[key], walk);
		walk.path.pop();
		if (item !== object[key]) {
			// A spread makes own properties, so a key named `__proto__` stays one and the assignment below meets it.
			copy ??= { ...object };
			copy[key] = item;
		}
	}
	return copy ?? object;
}

/** Of one string that are reported: the first tell what is wrong with all. */
const mostLookAlikes = 20;

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
			if (!lookAlikes.has(token.text) && lookAlikes.size < mostLookAlikes) {
				lookAlikes.add(token.text);
				walk.malformed.push({ path: [...walk.path], text: token.text, range: token.range });
			}
			result += token.text;
		} else {
			const { kind: _, ...reference } = token;
			const found = Object.hasOwn(walk.variables, token.name) ? walk.variables[token.name] : undefined;
			const set = found !== undefined && (found !== "" || token.defaultText === undefined);
			const state = set ? "set" : token.defaultText === undefined ? "unset" : "default";
			walk.uses.push({
				...reference,
				path: [...walk.path],
				state,
				...(set && found.trim() === "" ? { isEmpty: true as const } : {}),
				whole: start === 0 && end === text.length,
			});
			const inserted = set ? found : token.defaultText;
			walk.budget.left -= inserted?.length ?? 0;
			result += inserted === undefined || walk.budget.left < 0 ? text.slice(start, end) : inserted;
		}
	}
	return result + text.slice(done);
}

const decimal = /^-?(0|[1-9]\d*)(\.\d+)?$/;

/**
 * The boolean or number that the value of a whole-string reference stands for where the schema wants one:
 * `true`, `false` and plain decimals. Everything else (`007`, `1e3`, text) is `undefined`.
 */
export function referenceScalar(text: string): boolean | number | undefined {
	if (text === "true") return true;
	if (text === "false") return false;
	return decimal.test(text) ? Number(text) : undefined;
}
