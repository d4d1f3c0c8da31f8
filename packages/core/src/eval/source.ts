import { basename, dirname, join } from "node:path";
import { LineIndex } from "../lib/code-frame.ts";
import { AgentvError, type Diagnostic, type DocumentPath, finding, type Place } from "../lib/errors.ts";
import {
	type InterpolationResult,
	interpolateEnv,
	mostInserted,
	scanReferences,
	type TextBudget,
	textLimit,
	type VariableUse,
} from "../lib/interpolate.ts";
import { type JsonLine, locateInLine, parseJsonLines } from "../lib/json.ts";
import { redactText } from "../lib/redact.ts";
import { isSecretName, redactAddress } from "../lib/secret-shapes.ts";
import { parseYaml, type SourceRange, type YamlDocument } from "../lib/yaml-document.ts";
import { listDirectory } from "../machine/directories.ts";
import { type Environment, existingCase } from "../machine/environment.ts";
import { directoryEntries, type PathKind, targetKind } from "../machine/files.ts";
import { readTextFile } from "../machine/read-file.ts";

export interface PlacedVariable {
	readonly name: string;
	readonly defaultText?: string | undefined;
	readonly state: "set" | "default" | "unset";
	/** Set to whitespace only, without a default. */
	readonly isEmpty?: true | undefined;
	readonly at: Place;
}

export interface Source {
	readonly file: string;
	readonly text: string;
	/** Values after interpolation: one for a document, one per line for JSON Lines. */
	readonly parts: readonly Part[];
	readonly diagnostics: readonly Diagnostic[];
	readonly variables: readonly PlacedVariable[];
	readonly malformed: readonly { readonly text: string; readonly at: Place }[];
	raw(line?: number): unknown;
	/** For patches; absent for JSON Lines. */
	readonly document?: YamlDocument;
	locate(place: Place): SourceRange | undefined;
}

/** The values of `{{ name }}` and dotted `{{ a.b }}` in a test's strings. */
export interface Vars {
	/** Without `vars`, `{{ name }}` is prose. */
	readonly isGiven: boolean;
	/** Numbers are as written, mappings and lists as JSON. */
	readonly text: (name: string) => string | undefined;
	readonly names: () => string[];
}

export interface Part {
	readonly value: unknown;
	readonly at: Place;
	/** Paths (joined by NUL) of whole-string references, which can become other scalars. */
	readonly references: ReadonlySet<string>;
	/** Returns the scalar at `path` as written, so that the id `007` is kept. */
	readonly written: (path: DocumentPath) => string | undefined;
	/** Returns the value at `path` below this part before variables were filled in. */
	readonly unfilled: (path: DocumentPath) => unknown;
	readonly fill: (text: string) => string;
	readonly vars?: Vars | undefined;
}

export function plainPart(value: unknown, at: Place): Part {
	const unfilled = (path: DocumentPath) => valueBelow(value, path);
	return { value, at, references: noReferences, written: () => undefined, unfilled, fill: (text) => text };
}

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

export function valueBelow(value: unknown, path: DocumentPath): unknown {
	let current = value;
	for (const key of path)
		current =
			typeof current === "object" && current !== null ? (current as Record<string | number, unknown>)[key] : undefined;
	return current;
}

export function placeBelow(at: Place, ...keys: DocumentPath): Place {
	return { ...at, path: [...(at.path ?? []), ...keys] };
}

export function placeOf(part: Part, path: DocumentPath, half?: "key"): Place {
	return { ...placeBelow(part.at, ...path), ...(half ? { part: half } : {}) };
}

/** The extension selects YAML, JSON or JSON Lines. Throws only if the file is unreadable. */
export function readSource(file: string, view: DiskView, env: Environment): Source {
	const text = view.readText(file);
	return file.endsWith(".jsonl") ? jsonLinesSource(file, text, env) : yamlSource(file, text, env);
}

function yamlSource(file: string, text: string, env: Environment): Source {
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
		defaultText: use.defaultText,
		state: use.state,
		isEmpty: use.isEmpty,
		at: { ...at, path: use.path },
	}));
}

const neutral = "\ue000";

function userPartOf(written: string): readonly [start: number, end: number] | undefined {
	let filled = "";
	let done = 0;
	for (const { range } of scanReferences(written)) {
		filled += written.slice(done, range[0]) + neutral.repeat(range[1] - range[0]);
		done = range[1];
	}
	const match = /^([^/?#@]*:\/\/)([^/?#]*)@/.exec(filled + written.slice(done));
	if (match?.[1] === undefined || match[2] === undefined) return undefined;
	return [match[1].length, match[1].length + match[2].length];
}

/** Percent-encodes values in a URL's user part, so that a token can contain a slash or an `@`. */
export function urlEnvironment(written: string, env: Environment): Environment {
	const encoded: Record<string, string> = {};
	for (const name of namesInUserPart(written)) {
		const value = env[name];
		const isEncoded = value === undefined || (/%[0-9a-f]{2}/i.test(value) && !/[/?#@:\s]/.test(value));
		if (!isEncoded) encoded[name] = encodeURIComponent(value);
	}
	return { ...env, ...encoded };
}

function namesInUserPart(written: string): string[] {
	const span = userPartOf(written);
	return span ? usesOf(written).flatMap((use) => (isWithin(use, span) ? [use.name] : [])) : [];
}

function isWithin(use: VariableUse, [start, end]: readonly [number, number]): boolean {
	return use.range[0] >= start && use.range[1] <= end;
}

function usesOf(written: string): readonly VariableUse[] {
	return interpolateEnv(written, {}).uses;
}

/**
 * Returns a variable with a secret name outside the user part: its value would be visible in git's
 * configuration and the process list. A variable that is the whole URL can have any name.
 */
export function misplacedSecret(written: string): string | undefined {
	const span = userPartOf(written);
	return usesOf(written).find(
		(use) => isSecretName(use.name) && !use.whole && !(span !== undefined && isWithin(use, span)),
	)?.name;
}

/** Redacts literal secrets, also in defaults; variables stay. */
export function shownSource(written: string): string {
	return redactAddress(redactText(written));
}

/** Caches kinds and directory listings, so a view is only valid for one command. */
export interface DiskView {
	kind(path: string): PathKind;
	/** @throws AgentvError if the file is missing, unreadable or too large */
	readText(path: string): string;
	/** Returns sorted names; none for a missing directory. */
	list(directory: string): readonly string[];
	/** A link has the kind `link` here. Call it through `entriesOf`. */
	entries?(directory: string): ReadonlyMap<string, PathKind>;
	/** Returns the path as spelled on disk if only the letter case differs; else undefined. */
	otherCase(path: string): string | undefined;
}

export function openDiskView(): DiskView {
	const view = new OpenView();
	return {
		kind: (path) => view.kind(path),
		readText: (path) => readTextFile(path),
		list: (directory) => view.list(directory),
		entries: (directory) => view.entries(directory),
		otherCase: (path) => existingCase(path),
	};
}

/** @throws AgentvError `config` for a device, pipe, socket or kernel file */
export function hasFile(view: DiskView, path: string): boolean {
	const kind = view.kind(path);
	if (kind !== "other") return kind === "file";
	throw new AgentvError("config", `${path} is not a regular file`, {
		hint: "Replace it with a file on disk: devices, pipes, sockets and kernel files are never opened.",
	});
}

type Entries = ReturnType<typeof directoryEntries>;

/** A view that can't detect links follows them. Sorted by name. */
export function entriesOf(view: DiskView, directory: string): ReadonlyMap<string, PathKind> {
	return (
		view.entries?.(directory) ?? new Map(view.list(directory).map((name) => [name, view.kind(`${directory}/${name}`)]))
	);
}

const noEntries: ReadonlyMap<string, PathKind> = new Map();

/** Reads each directory once, which gives the kinds of all its entries, and of missing ones. */
class OpenView {
	readonly #entries = new Map<string, { readonly found: Entries }>();
	readonly #lists = new Map<string, readonly string[]>();
	readonly #followed = new Map<string, PathKind>();

	kind(path: string): PathKind {
		const slash = path.lastIndexOf("/");
		const name = path.slice(slash + 1);
		// A root, a path with a trailing slash, or one of another system: query it directly.
		if (slash <= 0 || name === "" || name === "." || name === "..") return this.#follow(path);
		const directory = path.slice(0, slash);
		const entries = this.#read(directory);
		if (entries) {
			const kind = entries.get(name);
			// On a case-insensitive disk another spelling exists, too; `otherCase` handles that.
			return kind === undefined ? "missing" : kind === "link" ? this.#follow(path) : kind;
		}
		return this.kind(directory) === "directory" ? this.#follow(path) : "missing";
	}

	list(directory: string): readonly string[] {
		const known = this.#lists.get(directory);
		if (known) return known;
		const names = [...(this.#read(directory)?.keys() ?? listDirectory(directory))];
		return this.#keep(this.#lists, directory, names);
	}

	entries(directory: string): ReadonlyMap<string, PathKind> {
		return this.#read(directory) ?? noEntries;
	}

	/** A parent's listing can show without a lookup that the directory is missing. */
	#read(directory: string): Entries {
		const known = this.#entries.get(directory);
		if (known) return known.found;
		const slash = directory.lastIndexOf("/");
		const parent = slash > 0 ? this.#entries.get(directory.slice(0, slash))?.found : undefined;
		const kind = parent?.get(directory.slice(slash + 1));
		const absent = parent !== undefined && (kind === undefined || kind === "file");
		return this.#keep(this.#entries, directory, { found: absent ? undefined : directoryEntries(directory) }).found;
	}

	#follow(path: string): PathKind {
		return this.#followed.get(path) ?? this.#keep(this.#followed, path, targetKind(path));
	}

	#keep<Value>(map: Map<string, Value>, path: string, value: Value): Value {
		if (map.size >= 10_000) map.clear(); // Memory stays flat for any number of evals.
		map.set(path, value);
		return value;
	}
}

/** By absolute path: the text or how to read it; undefined if the file is removed. */
type ChangedFiles = ReadonlyMap<string, string | (() => string) | undefined>;

/** Also removes a directory that loses all its entries. */
export function overlayDiskView(view: DiskView, files: ChangedFiles): DiskView {
	return new Overlay(view, files);
}

class Overlay implements DiskView {
	readonly #view: DiskView;
	readonly #files: ChangedFiles;
	readonly #names = new Map<string, Set<string>>();
	readonly #losing = new Set<string>();

	constructor(view: DiskView, files: ChangedFiles) {
		this.#view = view;
		this.#files = files;
		for (const [file, text] of files)
			for (let at = file; at !== dirname(at); at = dirname(at)) {
				const directory = dirname(at);
				const names = this.#names.get(directory) ?? new Set();
				if (text === undefined ? this.#losing.has(directory) : names.has(basename(at))) break;
				if (text === undefined) this.#losing.add(directory);
				else this.#names.set(directory, names.add(basename(at)));
			}
	}

	kind(path: string): PathKind {
		if (this.#files.has(path)) return this.#files.get(path) === undefined ? "missing" : "file";
		if (this.#names.has(path)) return "directory";
		const kind = this.#view.kind(path);
		const isEmptied = kind === "directory" && this.#losing.has(path) && this.list(path).length === 0;
		return isEmptied ? "missing" : kind;
	}

	readText(path: string): string {
		const text = this.#files.get(path);
		if (text !== undefined) return typeof text === "string" ? text : text();
		if (this.#files.has(path)) throw new AgentvError("not-found", `${path} does not exist`);
		return this.#view.readText(path);
	}

	list(directory: string): readonly string[] {
		return [...this.entries(directory).keys()];
	}

	entries(directory: string): ReadonlyMap<string, PathKind> {
		const entries = entriesOf(this.#view, directory);
		const names = this.#names.get(directory);
		if (!names && !this.#losing.has(directory)) return entries;
		const all = [...new Set([...entries.keys(), ...(names ?? [])])].sort();
		const kindOf = (name: string) => {
			const before = entries.get(name);
			const path = join(directory, name);
			return before === "link" && !this.#files.has(path) ? before : this.kind(path);
		};
		return new Map(all.map((name) => [name, kindOf(name)] as const).filter(([, kind]) => kind !== "missing"));
	}

	otherCase(path: string): string | undefined {
		return this.#files.get(path) === undefined ? this.#view.otherCase(path) : undefined;
	}
}
