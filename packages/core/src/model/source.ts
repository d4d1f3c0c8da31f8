import { type Diagnostic, type DocumentPath, finding, type Place } from "../base/diagnostic.ts";
import { type InterpolationResult, interpolateEnv } from "../base/interpolate.ts";
import { type JsonLine, locateInLine, parseJsonLines } from "../base/json-lines.ts";
import { LineIndex } from "../base/source-range.ts";
import { parseYaml, type SourceRange, type YamlDocument } from "../base/yaml-document.ts";
import { mostInserted, type TextBudget, textLimit } from "../base/yaml-limits.ts";
import type { Environment } from "../io/environment.ts";
import type { DiskView } from "./disk-view.ts";

/** A variable in a source, with its location. */
export interface PlacedVariable {
	readonly name: string;
	readonly defaultText?: string;
	readonly state: "set" | "default" | "unset";
	/** Set to whitespace only, without a default. */
	readonly isEmpty?: true;
	readonly at: Place;
}

/** A parsed text, with its value after `${{ }}` and the mapping from a path to line and column. */
export interface Source {
	readonly file: string;
	readonly text: string;
	/** Values after interpolation: one for a document, one per line for JSON Lines. */
	readonly parts: readonly Part[];
	readonly diagnostics: readonly Diagnostic[];
	readonly variables: readonly PlacedVariable[];
	readonly malformed: readonly { readonly text: string; readonly at: Place }[];
	/** Returns the value before `${{ }}`; for JSON Lines that of a line. */
	raw(line?: number): unknown;
	/** For patches; absent for JSON Lines. */
	readonly document?: YamlDocument;
	locate(place: Place): SourceRange | undefined;
}

/** A test's `vars`: the values of `{{ name }}` and dotted `{{ a.b }}` in its strings. */
export interface Vars {
	/** Whether the test has `vars`: without, `{{ name }}` is prose. */
	readonly isGiven: boolean;
	/** Numbers are as written, mappings and lists as JSON. */
	readonly text: (name: string) => string | undefined;
	/** Returns every name that has a text, for hints. */
	readonly names: () => string[];
}

/** A value with its location: the input of every loading function. */
export interface Part {
	readonly value: unknown;
	readonly at: Place;
	/** Paths (joined by NUL) of whole-string references, which can become other scalars. */
	readonly references: ReadonlySet<string>;
	/** Returns the scalar at `path` as written, so that the id `007` is kept. */
	readonly written: (path: DocumentPath) => string | undefined;
	/** Returns the value at `path` below this part before variables were filled in. */
	readonly unfilled: (path: DocumentPath) => unknown;
	/** Fills variables into a text like into `value`; those without a value stay. */
	readonly fill: (text: string) => string;
	/** The test's `vars`, if they were filled into `value`. */
	readonly vars?: Vars | undefined;
}

/** Returns a part that was never read from a file, or has no variables. */
export function plainPart(value: unknown, at: Place): Part {
	const unfilled = (path: DocumentPath) => valueBelow(value, path);
	return { value, at, references: noReferences, written: () => undefined, unfilled, fill: (text) => text };
}

/** Returns the part under `key`. */
export function child(part: Part, ...keys: DocumentPath): Part {
	const { references, fill, vars } = part;
	return {
		vars,
		value: valueBelow(part.value, keys),
		at: placeOf(part, keys),
		references,
		written: (path) => part.written([...keys, ...path]),
		unfilled: (path) => part.unfilled([...keys, ...path]),
		fill,
	};
}

function valueBelow(value: unknown, path: DocumentPath): unknown {
	let found = value;
	for (const key of path)
		found = typeof found === "object" && found !== null ? (found as Record<string | number, unknown>)[key] : undefined;
	return found;
}

/** Returns the location `path` below `part`. */
export function placeOf(part: Part, path: DocumentPath, half?: "key"): Place {
	return { ...part.at, path: [...(part.at.path ?? []), ...path], ...(half ? { part: half } : {}) };
}

/** YAML, JSON or JSON Lines by its extension. Throws only if it is unreadable. */
export function readSource(file: string, view: DiskView, env: Environment): Source {
	const text = view.readText(file);
	return file.endsWith(".jsonl") ? jsonLinesSource(file, text, env) : yamlSource(file, text, env);
}

export function yamlSource(file: string, text: string, env: Environment): Source {
	const document = parseYaml(text, file);
	const budget: TextBudget = { left: mostInserted };
	const filled = text.includes("${{") ? interpolateEnv(document.value, env, budget) : withoutReferences(document.value);
	const tooLarge = textFindings(budget, { file, path: [] });
	const result = tooLarge.length > 0 ? withoutReferences(undefined) : filled;
	return {
		file,
		text,
		document,
		parts: [
			{
				value: result.value,
				at: { file, path: [] },
				references: wholeReferences(result),
				written: (path) => document.sourceText(path),
				unfilled: (path) => valueBelow(document.value, path),
				fill: fillWith(env),
			},
		],
		diagnostics: [...document.diagnostics, ...tooLarge],
		variables: placed(result, { file, path: [] }),
		malformed: result.malformed.map(({ text: found, path }) => ({ text: found, at: { file, path } })),
		raw: () => document.value,
		locate: (place) => document.range(place),
	};
}

/** Returns a source for a file that is not a document: only ranges of it can be located. */
export function textSource(file: string, text: string): Source {
	const lines = new LineIndex(text);
	return {
		file,
		text,
		parts: [],
		diagnostics: [],
		variables: [],
		malformed: [],
		raw: () => undefined,
		locate: ({ range }) => range && lines.range(...range),
	};
}

function jsonLinesSource(file: string, text: string, env: Environment): Source {
	const { rows, diagnostics } = parseJsonLines(text, file);
	const byLine = new Map<number, JsonLine>(rows.map((row) => [row.line, row]));
	const budget: TextBudget = { left: mostInserted };
	const read = text.includes("${{") ? (value: unknown) => interpolateEnv(value, env, budget) : withoutReferences;
	const filled = rows.map((row) => ({ row, result: read(row.value) }));
	const tooLarge = textFindings(budget, { file, path: [] });
	const results = tooLarge.length > 0 ? [] : filled;
	const at = (row: JsonLine): Place => ({ file, line: row.line, path: [] });
	return {
		file,
		text,
		parts: results.map(({ row, result }) => ({
			value: result.value,
			at: at(row),
			references: wholeReferences(result),
			written: (path) => writtenScalar(row, path),
			unfilled: (path) => valueBelow(row.value, path),
			fill: fillWith(env),
		})),
		diagnostics: [...diagnostics, ...tooLarge],
		variables: results.flatMap(({ row, result }) => placed(result, at(row))),
		malformed: results.flatMap(({ row, result }) =>
			result.malformed.map(({ text: found, path }) => ({ text: found, at: { ...at(row), path } })),
		),
		raw: (line) => (line === undefined ? undefined : byLine.get(line)?.value),
		locate: (place) => {
			const row = place.line === undefined ? undefined : byLine.get(place.line);
			return (row ?? place.range) ? locateInLine(text, row, place) : undefined;
		},
	};
}

function textFindings({ left }: TextBudget, at: Place): Diagnostic[] {
	return left < 0 ? [finding(textLimit, { allowed: mostInserted }, at)] : [];
}

function writtenScalar(row: JsonLine, path: DocumentPath): string | undefined {
	const value = valueBelow(row.value, path);
	if (typeof value === "object" || value === undefined) return value === null ? "null" : undefined;
	return row.spelled.get(path.join("\0")) ?? String(value);
}

function fillWith(env: Environment): Part["fill"] {
	return (text) => interpolateEnv(text, env, { left: mostInserted }).value;
}

/** Most texts have no variable: skip walking all their values. */
function withoutReferences(value: unknown): InterpolationResult {
	return { value, uses: [], malformed: [] };
}

function wholeReferences(result: InterpolationResult): ReadonlySet<string> {
	if (result.uses.length === 0) return noReferences;
	return new Set(result.uses.filter((use) => use.whole).map((use) => use.path.join("\0")));
}

const noReferences: ReadonlySet<string> = new Set();

function placed(result: InterpolationResult, at: Place): PlacedVariable[] {
	return result.uses.map((use) => ({
		name: use.name,
		...(use.defaultText === undefined ? {} : { defaultText: use.defaultText }),
		state: use.state,
		...(use.isEmpty ? { isEmpty: use.isEmpty } : {}),
		at: { ...at, path: use.path },
	}));
}
