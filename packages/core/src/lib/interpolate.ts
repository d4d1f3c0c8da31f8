import type { DocumentPath, FindingKind } from "./errors.ts";
import { type OffsetRange, scanReferences } from "./template-text.ts";

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
