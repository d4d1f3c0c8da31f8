import {
	type Alias,
	Composer,
	type CST,
	type Document,
	isAlias,
	isMap,
	isScalar,
	isSeq,
	Lexer,
	type Pair,
	type ParsedNode,
	Parser,
	Scalar,
	type YAMLError,
	type YAMLMap,
} from "yaml";
import type { FindingKind } from "./errors.ts";
import type { OffsetRange } from "./interpolate.ts";

export interface YamlLimits {
	readonly bytes: number;
	/** With aliases expanded. */
	readonly depth: number;
	/** With every alias and merge key expanded. */
	readonly nodes: number;
}

export const yamlLimits: YamlLimits = { bytes: 10_000_000, depth: 100, nodes: 1_000_000 };

export const yamlLimit: FindingKind<{
	limit: keyof YamlLimits;
	allowed: number;
}> = {
	rule: "yaml.limits",
	severity: "error",
	message: ({ limit, allowed }) => {
		const most = allowed.toLocaleString("en-US");
		if (limit === "bytes") return `The file is larger than ${most} bytes`;
		if (limit === "depth") return `The file nests values more than ${most} levels deep`;
		return `The file contains more than ${most} values once its aliases are expanded`;
	},
	hint: ({ limit }) =>
		limit === "nodes" ? "Use fewer aliases of large anchors, or split the file" : "Split the file into smaller ones",
};

/** Encodes the text only if its length doesn't decide the result. */
export function exceedsBytes(text: string, bytes: number): boolean {
	if (text.length > bytes) return true;
	return text.length * 3 > bytes && new TextEncoder().encode(text).length > bytes;
}

export type ParsedDocument = Document.Parsed<ParsedNode, true>;

/** Parsing stops here: each error takes memory, and the first ones are enough. */
const maxErrors = 100;

class TooManyErrors extends Error {}

/** The composer itself has no limit of errors. */
function limitErrors(composer: Composer): void {
	const inner = composer as unknown as { onError: (...args: unknown[]) => void };
	const report = inner.onError;
	let count = 0;
	inner.onError = (...args) => {
		count += 1;
		if (count > maxErrors) throw new TooManyErrors();
		report(...args);
	};
}

/** Returns the offset where the text nests too deeply, or the errors if there are too many. */
export function composeWithin(
	text: string,
	depth: number,
): ParsedDocument[] | { readonly tooDeepAt: number } | { readonly errors: readonly YAMLError[] } {
	const parser = new Parser();
	// The parser counts a byte order mark as indentation, and then rejects a list at the start of
	// the file.
	const mark = text.startsWith("\uFEFF") ? 1 : 0;
	parser.offset = mark;
	const tokens: CST.Token[] = [];
	// Check nesting while tokens come in: composing a text that is far too deep would overflow the
	// stack. Below the collections the parser's stack contains the document, above them at most one
	// scalar.
	const deepest = depth + 2;
	let errors = 0;
	for (const lexeme of new Lexer().lex(text.slice(mark))) {
		for (const token of parser.next(lexeme)) {
			tokens.push(token);
			if (token.type === "error") errors += 1;
		}
		if (parser.stack.length > deepest) return { tooDeepAt: parser.offset };
		if (errors > maxErrors) break;
	}
	if (errors <= maxErrors) for (const token of parser.end()) tokens.push(token);
	// `readValue` detects duplicate keys without a search for each key.
	const composer = new Composer({
		// Ignore a `%YAML 1.1` line or a `!!timestamp` tag: all files use one schema.
		schema: "core",
		merge: false,
		resolveKnownTags: false,
		uniqueKeys: false,
		keepSourceTokens: false,
	});
	limitErrors(composer);
	try {
		return [...composer.compose(tokens, true, text.length)] as ParsedDocument[];
	} catch (error) {
		if (!(error instanceof TooManyErrors)) throw error;
		return { errors: (composer as unknown as { readonly errors: readonly YAMLError[] }).errors };
	}
}

export type YamlProblem =
	| {
			readonly kind: "syntax";
			readonly reason: string;
			readonly range: OffsetRange;
	  }
	| {
			readonly kind: "limit";
			readonly limit: "depth" | "nodes";
			readonly range: OffsetRange;
	  };

export type AliasTargets = ReadonlyMap<Alias, ParsedNode>;

/**
 * Resolves anchors and merge keys; every use of an anchor shares one object. The same walk counts
 * nodes and depth as if aliases were expanded (an anchor's size is known when it is used, so a bomb
 * costs nothing) and finds duplicate keys.
 */
export function readValue(root: ParsedNode | null, limits: YamlLimits) {
	const reader = new ValueReader(limits);
	const value = reader.read(root, 0);
	return { value, problems: reader.problems, targets: reader.targets };
}

/** Keeps the spelling (`007`); undefined for collections. */
export function keyText(key: unknown, targets: AliasTargets): string | undefined {
	const node = isAlias(key) ? targets.get(key as Alias) : key;
	if (node === null) return "";
	if (!isScalar(node)) return undefined;
	return typeof node.value === "string" ? node.value : (node.source ?? String(node.value ?? ""));
}

/** The merge key `<<` must not be quoted. */
export function isMergeKey(key: unknown): boolean {
	return isScalar(key) && key.value === "<<" && key.type === Scalar.PLAIN;
}

interface Anchored {
	readonly node: ParsedNode;
	readonly value: unknown;
	readonly nodes: number;
	readonly height: number;
}

/** A plain `9e12345` (a short commit, an id) overflows every number, so it is text. */
function scalarValue({ value, source }: Scalar): unknown {
	const isTooLarge = typeof value === "number" && Math.abs(value) === Number.POSITIVE_INFINITY;
	return isTooLarge && source !== undefined && !/^[-+]?\.inf$/i.test(source) ? source : value;
}

class ValueReader {
	readonly problems: YamlProblem[] = [];
	readonly targets = new Map<Alias, ParsedNode>();
	/** Undefined while the anchored node itself is being read. */
	readonly #anchors = new Map<string, Anchored | undefined>();
	readonly #limits: YamlLimits;
	#nodes = 0;
	#deepest = 0;
	#stopped = false;

	constructor(limits: YamlLimits) {
		this.#limits = limits;
	}

	read(node: ParsedNode | null, depth: number): unknown {
		if (this.#stopped) return null;
		if (node === null) return this.#count(1, depth, [0, 0]);
		if (isAlias(node)) return this.#readAlias(node as Alias.Parsed, depth);
		if (node.anchor === undefined) return this.#readPlain(node, depth);
		return this.#readAnchored(node, node.anchor, depth);
	}

	#readPlain(node: ParsedNode, depth: number): unknown {
		if (isScalar(node)) {
			this.#count(1, depth, node.range);
			return scalarValue(node);
		}
		this.#count(1, depth + 1, node.range);
		if (isMap(node)) return this.#readMap(node as YAMLMap.Parsed, depth + 1);
		if (isSeq(node)) return node.items.map((item) => this.read(item as ParsedNode | null, depth + 1));
		return null;
	}

	#readAnchored(node: ParsedNode, anchor: string, depth: number): unknown {
		const nodesBefore = this.#nodes;
		const deepestBefore = this.#deepest;
		this.#deepest = depth;
		this.#anchors.set(anchor, undefined);
		const value = this.#readPlain(node, depth);
		const height = this.#deepest - depth;
		this.#deepest = Math.max(this.#deepest, deepestBefore);
		this.#anchors.set(anchor, { node, value, nodes: this.#nodes - nodesBefore, height });
		return value;
	}

	#readAlias(alias: Alias.Parsed, depth: number): unknown {
		const target = this.#anchors.get(alias.source);
		if (target === undefined) {
			const reason = this.#anchors.has(alias.source)
				? `The alias *${alias.source} is inside its own anchor`
				: `The alias *${alias.source} has no anchor &${alias.source} before it`;
			this.#syntax(reason, alias);
			return null;
		}
		this.targets.set(alias, target.node);
		this.#count(target.nodes, depth + target.height, alias.range);
		return target.value;
	}

	#readMap(map: YAMLMap.Parsed, depth: number): Record<string, unknown> {
		const object: Record<string, unknown> = {};
		let merged: Set<string> | undefined;
		for (const pair of map.items as Pair<ParsedNode, ParsedNode | null>[]) {
			if (this.#stopped) break;
			if (isMergeKey(pair.key)) {
				merged ??= new Set();
				this.#merge(object, merged, pair, depth);
				continue;
			}
			this.read(pair.key, depth);
			const key = keyText(pair.key, this.targets);
			const value = this.read(pair.value, depth);
			if (key === undefined) {
				this.#syntax("A mapping key must be plain text; quote a value that begins with `{` or `[`", pair.key);
			} else if (!Object.hasOwn(object, key)) {
				put(object, key, value);
			} else if (merged?.delete(key)) {
				object[key] = value;
			} else {
				this.#syntax(`The key \`${key}\` is duplicated in this mapping`, pair.key);
			}
		}
		return object;
	}

	/** The mapping's own keys and earlier sources win. */
	#merge(
		object: Record<string, unknown>,
		merged: Set<string>,
		pair: Pair<ParsedNode, ParsedNode | null>,
		depth: number,
	) {
		const value = this.read(pair.value, depth);
		if (this.#stopped) return;
		for (const source of Array.isArray(value) ? value : [value]) {
			if (typeof source !== "object" || source === null || Array.isArray(source)) {
				this.#syntax("The merge key `<<` needs a mapping or a list of mappings", pair.value ?? pair.key);
				return;
			}
			for (const [key, item] of Object.entries(source)) {
				if (Object.hasOwn(object, key)) continue;
				merged.add(key);
				put(object, key, item);
			}
		}
	}

	#syntax(reason: string, node: ParsedNode) {
		this.problems.push({ kind: "syntax", reason, range: [node.range[0], node.range[1]] });
		this.#stopped ||= this.problems.length >= maxErrors;
	}

	#count(nodes: number, depth: number, range: readonly [number, number, ...unknown[]]): null {
		this.#nodes += nodes;
		if (depth > this.#deepest) this.#deepest = depth;
		const limit = this.#nodes > this.#limits.nodes ? "nodes" : depth > this.#limits.depth ? "depth" : undefined;
		if (limit !== undefined && !this.#stopped) {
			this.#stopped = true;
			this.problems.push({ kind: "limit", limit, range: [range[0], range[1]] });
		}
		return null;
	}
}

function put(object: Record<string, unknown>, key: string, value: unknown) {
	if (key === "__proto__") {
		// Assigning would replace the object's prototype instead of creating a key.
		Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
	} else {
		object[key] = value;
	}
}
