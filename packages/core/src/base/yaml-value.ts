import { type Alias, isAlias, isMap, isScalar, isSeq, type Pair, type ParsedNode, Scalar, type YAMLMap } from "yaml";
import type { OffsetRange } from "./scan-references.ts";
import { mostErrors, type YamlLimits } from "./yaml-limits.ts";

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

/** The node that each alias resolves to. */
export type AliasTargets = ReadonlyMap<Alias, ParsedNode>;

export interface YamlReading {
	readonly value: unknown;
	readonly problems: readonly YamlProblem[];
	readonly targets: AliasTargets;
}

/**
 * Returns the plain value of `root`, with anchors and merge keys resolved; every use of an anchor
 * shares one object.
 * The same walk counts nodes and depth as if aliases were expanded (an anchor's size is known when
 * it is used, so a bomb costs nothing) and finds duplicate keys.
 */
export function readValue(root: ParsedNode | null, limits: YamlLimits): YamlReading {
	const reader = new ValueReader(limits);
	const value = reader.read(root, 0);
	return { value, problems: reader.problems, targets: reader.targets };
}

/** Returns a mapping key as written (`007` stays `007`); undefined for collections. */
export function keyText(key: unknown, targets: AliasTargets): string | undefined {
	const node = isAlias(key) ? targets.get(key as Alias) : key;
	if (node === null) return "";
	if (!isScalar(node)) return undefined;
	return typeof node.value === "string" ? node.value : (node.source ?? String(node.value ?? ""));
}

/** Returns whether `key` is the merge key `<<`, which must not be quoted. */
export function isMergeKey(key: unknown): boolean {
	return isScalar(key) && key.value === "<<" && key.type === Scalar.PLAIN;
}

/** An anchored node after reading: its value and the cost of repeating it by an alias. */
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
		this.#anchors.set(anchor, {
			node,
			value,
			nodes: this.#nodes - nodesBefore,
			height,
		});
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

	/** Adds what `<<` merges in; the mapping's own keys and earlier sources win. */
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
		this.problems.push({
			kind: "syntax",
			reason,
			range: [node.range[0], node.range[1]],
		});
		this.#stopped ||= this.problems.length >= mostErrors;
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
		Object.defineProperty(object, key, {
			value,
			writable: true,
			enumerable: true,
			configurable: true,
		});
	} else {
		object[key] = value;
	}
}
