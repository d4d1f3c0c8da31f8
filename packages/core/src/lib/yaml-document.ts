import {
	type Alias,
	isAlias,
	isCollection,
	isMap,
	isPair,
	isScalar,
	isSeq,
	type Pair,
	type ParsedNode,
	parseDocument,
	Scalar,
	type YAMLError,
	type YAMLMap,
	type YAMLSeq,
} from "yaml";
import { LineIndex, type SourcePosition, type SourceRange } from "./code-frame.ts";
import {
	AgentvError,
	type Diagnostic,
	type DocumentPath,
	type FindingKind,
	finding,
	hasErrors,
	type Place,
} from "./errors.ts";
import type { OffsetRange } from "./interpolate.ts";
import {
	type AliasTargets,
	composeWithin,
	exceedsBytes,
	isMergeKey,
	keyText,
	type ParsedDocument,
	readValue,
	type YamlLimits,
	type YamlProblem,
	yamlLimit,
	yamlLimits,
} from "./yaml-value.ts";

export interface LocatedNode {
	/** The value's node with aliases resolved; null for an entry without a value. */
	readonly node: ParsedNode | null;
	readonly written: ParsedNode | null;
	/** Belongs to the path's last key; undefined for list items and the root. */
	readonly pair: Pair<ParsedNode, ParsedNode | null> | undefined;
	/** Number of path steps found; fewer than requested if the rest does not exist. */
	readonly found: number;
}

/** Stops at the deepest part that exists. Merged keys are found where they are defined. */
function findNode(root: ParsedNode | null, path: DocumentPath, targets: AliasTargets): LocatedNode {
	let at: LocatedNode = { node: follow(root, targets), written: root, pair: undefined, found: 0 };
	for (const step of path) {
		const next = child(at.node, step, targets);
		if (next === undefined) return at;
		at = { ...next, node: follow(next.written, targets), found: at.found + 1 };
	}
	return at;
}

type Child = Pick<LocatedNode, "written" | "pair">;

function child(node: ParsedNode | null, step: string | number, targets: AliasTargets): Child | undefined {
	if (isSeq(node)) {
		const index = typeof step === "number" ? step : Number(step);
		if (!Number.isInteger(index) || index < 0 || index >= node.items.length) return undefined;
		return { written: node.items[index] as ParsedNode | null, pair: undefined };
	}
	return isMap(node) ? findEntry(node as YAMLMap.Parsed, String(step), targets) : undefined;
}

function findEntry(map: YAMLMap.Parsed, key: string, targets: AliasTargets): Child | undefined {
	const pairs = map.items as Pair<ParsedNode, ParsedNode | null>[];
	const own = pairs.find((pair) => keyText(pair.key, targets) === key && !isMergeKey(pair.key));
	if (own !== undefined) return { written: own.value, pair: own };
	for (const pair of pairs) {
		if (!isMergeKey(pair.key)) continue;
		const source = follow(pair.value, targets);
		for (const item of isSeq(source) ? source.items : [source]) {
			const merged = follow(item as ParsedNode | null, targets);
			const entry = isMap(merged) ? findEntry(merged as YAMLMap.Parsed, key, targets) : undefined;
			if (entry !== undefined) return entry;
		}
	}
	return undefined;
}

function follow(node: ParsedNode | null, targets: AliasTargets): ParsedNode | null {
	return isAlias(node) ? (targets.get(node as Alias) ?? node) : node;
}

/** A missing value is located by its key, a missing path by its deepest existing part. */
function rangeOf(located: LocatedNode, part: "key" | "value"): OffsetRange {
	const key = located.pair?.key;
	if (part === "key" && key) return [key.range[0], key.range[1]];
	const value = located.written;
	if (value !== null && value.range[1] > value.range[0]) return [value.range[0], value.range[1]];
	const shown = key ?? value;
	return shown ? [shown.range[0], shown.range[1]] : [0, 0];
}

export type Collection = YAMLMap.Parsed | YAMLSeq.Parsed;
export type ParsedPair = Pair<ParsedNode, ParsedNode | null>;

export function lineBreakOf(text: string): "\r\n" | "\n" {
	const at = text.indexOf("\n");
	return at > 0 && text[at - 1] === "\r" ? "\r\n" : "\n";
}

/** The line begins after a byte order mark. */
export function lineStart(text: string, offset: number): number {
	const before = offset === 0 ? -1 : text.lastIndexOf("\n", offset - 1);
	return before === -1 && text.startsWith("\uFEFF") ? 1 : before + 1;
}

export function lineEnd(text: string, offset: number): number {
	const newline = text.indexOf("\n", offset);
	if (newline === -1) return text.length;
	return newline > offset && text[newline - 1] === "\r" ? newline - 1 : newline;
}

export function nextLineStart(text: string, offset: number): number {
	const newline = text.indexOf("\n", offset);
	return newline === -1 ? text.length : newline + 1;
}

export function columnOf(text: string, offset: number): number {
	return offset - lineStart(text, offset);
}

export function startsLine(text: string, offset: number): boolean {
	return text.slice(lineStart(text, offset), offset).trim() === "";
}

/** Leaves the first line and empty lines; line breaks become `lineBreak`. */
export function indentFollowing(text: string, by: number, lineBreak: string): string {
	const [first = "", ...rest] = text.replace(/(?<!\n|\n\r)(\r?\n)+$/, "").split(/\r?\n/);
	return [first, ...rest.map((line) => (line === "" ? line : " ".repeat(by) + line))].join(lineBreak);
}

/** Excludes trailing comments, whitespace and line breaks. */
export function contentEnd(text: string, node: ParsedNode): number {
	if (isAlias(node)) return node.range[1];
	if (isCollection(node) && !node.flow) {
		const last: unknown = node.items.at(-1);
		if (!isPair(last)) return last === undefined ? node.range[0] : contentEnd(text, last as ParsedNode);
		return pairEnd(text, last as ParsedPair);
	}
	if (isBlockScalar(node)) return blockScalarEnd(text, node);
	let end = node.range[1];
	// An empty value is after the whitespace that separates it from a comment.
	if (end === node.range[0]) while (/[ \t]/.test(text[end - 1] ?? "")) end--;
	return end;
}

function pairEnd(text: string, pair: ParsedPair): number {
	return pair.value === null ? pair.key.range[1] : Math.max(pair.key.range[1], contentEnd(text, pair.value));
}

export function isBlockScalar(node: unknown): node is Scalar.Parsed {
	return isScalar(node) && (node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED);
}

function blockScalarEnd(text: string, node: Scalar.Parsed): number {
	const source = text.slice(node.range[0], node.range[1]);
	// Blank lines after `|+` are part of the value, after `|` and `|-` they aren't.
	const content = keepsBlankLines(text, node) ? source.replace(/\r?\n$/, "") : source.trimEnd();
	return node.range[0] + content.length;
}

/** Returns whether blank lines after `node` would belong to its last value (`|+`). */
export function keepsBlankLines(text: string, node: unknown): boolean {
	if (isPair(node)) return keepsBlankLines(text, node.value);
	if (isCollection(node)) return !node.flow && keepsBlankLines(text, node.items.at(-1));
	return isBlockScalar(node) && /^[|>]\d?\+/.test(text.slice(node.range[0], node.range[0] + 3));
}

/** A block entry begins at its `-`, or at the key's line without indentation. */
export function entryStart(text: string, collection: Collection, index: number): number {
	if (index === 0) return collection.range[0];
	const items = collection.items as readonly (ParsedNode | ParsedPair)[];
	const previous = items[index - 1];
	const item = items[index];
	if (previous === undefined || item === undefined) throw cannotPatch();
	const column = columnOf(text, collection.range[0]);
	let start = nextLineStart(text, entryEnd(text, previous));
	const limit = isPair(item) ? item.key.range[0] : item.range[0];
	for (; start <= limit && start < text.length; start = nextLineStart(text, start)) {
		const line = text.slice(start, lineEnd(text, start));
		// Between two entries there are only comments and blank lines.
		if (line.trim() !== "" && !line.trimStart().startsWith("#")) {
			if (line.length - line.trimStart().length !== column) throw cannotPatch();
			return start + column;
		}
	}
	throw cannotPatch();
}

export function entryEnd(text: string, item: ParsedNode | ParsedPair): number {
	return isPair(item) ? pairEnd(text, item as ParsedPair) : contentEnd(text, item as ParsedNode);
}

/** Also after an anchor and tag on that line. */
export function afterColon(text: string, keyEnd: number): number {
	const colon = /\s*:(?:[ \t]+[&!][^\s,[\]{}]*)*/y;
	colon.lastIndex = keyEnd;
	const match = colon.exec(text);
	if (match === null) throw cannotPatch();
	return keyEnd + match[0].length;
}

export function startWithProps(text: string, node: ParsedNode): number {
	if (isAlias(node) || (node.anchor === undefined && node.tag === undefined)) return node.range[0];
	const props = /(?:[&!]\S*\s+)+$/.exec(text.slice(Math.max(0, node.range[0] - 2000), node.range[0]));
	return node.range[0] - (props?.[0].length ?? 0);
}

export function cannotPatch(why = "its layout can't be edited safely"): AgentvError {
	return new AgentvError("refused", `The file was not changed: ${why}`, { hint: "Edit the file by hand" });
}

/** Block scalars are written by `replaceBlockScalar`. */
export type ScalarStyle = "plain" | "single" | "double";

export interface ScalarPlace {
	/** Inside `[…]` or `{…}`. */
	readonly flow: boolean;
	readonly key: boolean;
	readonly json: boolean;
}

/** Falls back to the nearest style if `style` is not possible. */
export function scalarText(value: string | number | boolean | null, style: ScalarStyle, place: ScalarPlace): string {
	if (typeof value !== "string") return String(value);
	if (place.json || style === "double" || unprintable.test(value)) return doubleQuoted(value);
	if (style === "single") return singleQuoted(value);
	if (isSafePlain(value, place)) return value;
	return /["\\]/.test(value) && !value.includes("'") ? singleQuoted(value) : doubleQuoted(value);
}

/** Neither plain nor single-quoted text can contain these on one line. */
const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029\ufeff]/u;

function singleQuoted(value: string): string {
	return `'${value.replaceAll("'", "''")}'`;
}

function doubleQuoted(value: string): string {
	return JSON.stringify(value).replace(
		/[\u007f-\u009f\u2028\u2029\ufeff]/g,
		(character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
	);
}

/** Runs the parser, which knows all of YAML's traps. */
function isSafePlain(value: string, { flow, key }: ScalarPlace): boolean {
	if (value === "" || value.trim() !== value) return false;
	const trials = key ? [`${value}: x`, `{${value}: x}`] : [`k: ${value}`, `- ${value}`, value];
	if (flow && !key) trials.push(`[${value}]`, `{k: ${value}}`);
	return trials.every((text) => readsAs(text, value, key));
}

function readsAs(text: string, value: string, key: boolean): boolean {
	const { contents, errors, warnings } = parseDocument(text, { prettyErrors: false });
	if (errors.length > 0 || warnings.length > 0) return false;
	let node: unknown = contents;
	if (typeof contents === "object" && contents !== null && "items" in contents) {
		const [first] = contents.items;
		node = typeof first === "object" && "key" in first ? (key ? first.key : first.value) : first;
	}
	return isScalar(node) && node.type === Scalar.PLAIN && node.value === value;
}

/**
 * Paths into JSON values: `items[0].price`, `items.0.price`. A key with a dot is written `["a.b"]`,
 * `['a.b']` or `a\.b`; if a plain path finds nothing, `a.b` is also read as such a key.
 */

export function pathKeys(path: string): string[] {
	const keys: string[] = [];
	const step =
		/\[\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([\w-]+))\s*\]|((?:[^.[\\]|\\.|\[(?!\s*(?:"|'|[\w-]+\s*\])))+)|\./gs;
	for (const [, double, single, index, plain] of path.matchAll(step)) {
		const key = double ?? single ?? index ?? plain;
		if (key !== undefined) keys.push(index ?? key.replace(/\\(.)/gs, "$1"));
	}
	return keys;
}

export function valueAt(value: unknown, path: string): unknown {
	return find(value, pathKeys(path))?.value;
}

export function hasPath(value: unknown, path: string): boolean {
	return find(value, pathKeys(path)) !== undefined;
}

function find(value: unknown, keys: readonly string[]): { readonly value: unknown } | undefined {
	if (keys.length === 0) return { value };
	if (typeof value !== "object" || value === null) return undefined;
	// Try the plain reading first, then keys with dots.
	let key = "";
	for (const [index, next] of keys.entries()) {
		key = index === 0 ? next : `${key}.${next}`;
		if (!hasKey(value, key)) continue;
		const found = find(value[key], keys.slice(index + 1));
		if (found) return found;
	}
	return undefined;
}

function hasKey(value: object, key: string): value is Readonly<Record<string, unknown>> {
	if (!Object.hasOwn(value, key)) return false;
	// The only key of an array that is not an item.
	return (value as Record<string, unknown>)[key] !== undefined && !(Array.isArray(value) && key === "length");
}

export type { SourceRange } from "./code-frame.ts";

export const yamlSyntax: FindingKind<{ reason: string }> = {
	rule: "yaml.syntax",
	severity: "error",
	message: ({ reason }) => reason,
};

export class YamlDocument {
	readonly file: string;
	readonly text: string;
	/** Anchors and merge keys resolved. Undefined if the text has errors; null if it is empty. */
	readonly value: unknown;
	readonly diagnostics: readonly Diagnostic[];
	/** For patches; null if the text is empty or could not be parsed. */
	readonly root: ParsedNode | null;
	readonly #targets: AliasTargets;
	readonly #lines: LineIndex;

	/** Use `parseYaml`. */
	constructor(file: string, text: string, parsed: ParsedText) {
		this.file = file;
		this.text = text;
		this.root = parsed.root;
		this.diagnostics = parsed.diagnostics;
		this.value = hasErrors(parsed.diagnostics) ? undefined : parsed.value;
		this.#targets = parsed.targets;
		this.#lines = new LineIndex(text);
	}

	locate(path: DocumentPath, part: "key" | "value" = "value"): SourceRange {
		return this.#lines.range(...this.offsetsOf(path, part));
	}

	range(place: Pick<Place, "path" | "part" | "range" | "line">): SourceRange {
		return this.#lines.range(...(place.range ?? this.offsetsOf(place.path ?? [], place.part)));
	}

	/** In UTF-16 units, without anchors and tags. */
	offsetsOf(path: DocumentPath, part: "key" | "value" = "value"): OffsetRange {
		return rangeOf(this.find(path), part);
	}

	positionAt(offset: number): SourcePosition {
		return this.#lines.positionAt(offset);
	}

	/** Resolves quotes and escapes only, so `007` is kept. */
	sourceText(path: DocumentPath): string | undefined {
		const { node, found } = this.find(path);
		return found === path.length && isScalar(node) ? node.source : undefined;
	}

	find(path: DocumentPath): LocatedNode {
		return findNode(this.root, path, this.#targets);
	}
}

interface ParsedText {
	readonly value: unknown;
	readonly root: ParsedNode | null;
	readonly targets: AliasTargets;
	readonly diagnostics: readonly Diagnostic[];
}

/** Never throws: errors become `yaml.syntax` and `yaml.limits` diagnostics without a value. */
export function parseYaml(text: string, file: string, limits: YamlLimits = yamlLimits): YamlDocument {
	return new YamlDocument(file, text, parseText(text, file, limits));
}

function parseText(text: string, file: string, limits: YamlLimits): ParsedText {
	const refused = (limit: keyof YamlLimits, range: OffsetRange) => ({
		...{ value: undefined, root: null, targets: new Map() },
		diagnostics: [finding(yamlLimit, { limit, allowed: limits[limit] }, { file, range })],
	});
	if (exceedsBytes(text, limits.bytes)) return refused("bytes", [0, 0]);
	const documents = composeWithin(text, limits.depth);
	if ("tooDeepAt" in documents) return refused("depth", [documents.tooDeepAt, documents.tooDeepAt]);
	if ("errors" in documents) {
		const shown = withoutEchoes(documents.errors).map((error) => parserFinding(error, file));
		return { value: undefined, root: null, targets: new Map(), diagnostics: shown };
	}
	const diagnostics = [...parserFindings(documents, file)];
	const root = documents[0]?.contents ?? null;
	const { value, problems, targets } = readValue(root, limits);
	for (const problem of problems) diagnostics.push(problemFinding(problem, file, limits));
	return { value, root, targets, diagnostics };
}

function* parserFindings(documents: readonly ParsedDocument[], file: string): Generator<Diagnostic> {
	const [first, second] = documents;
	for (const error of withoutEchoes(first?.errors ?? [])) yield parserFinding(error, file);
	for (const warning of first?.warnings ?? []) yield { ...parserFinding(warning, file), severity: "warning" };
	if (second !== undefined) {
		const reason = "The file contains several documents; only one is supported";
		yield finding(yamlSyntax, { reason }, { file, range: [second.range[0], second.range[0]] });
	}
}

/** After an error every following token is unexpected, so only the first one is kept. */
function withoutEchoes(errors: readonly YAMLError[]): YAMLError[] {
	return errors.filter(({ code }, index) => index === 0 || code !== "UNEXPECTED_TOKEN");
}

function parserFinding(error: YAMLError, file: string): Diagnostic {
	return finding(yamlSyntax, { reason: error.message }, { file, range: [error.pos[0], error.pos[1]] });
}

function problemFinding(problem: YamlProblem, file: string, limits: YamlLimits): Diagnostic {
	const at = { file, range: problem.range };
	if (problem.kind === "syntax") return finding(yamlSyntax, { reason: problem.reason }, at);
	return finding(yamlLimit, { limit: problem.limit, allowed: limits[problem.limit] }, at);
}
