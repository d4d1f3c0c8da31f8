import { type Alias, isAlias, isMap, isSeq, type Pair, type ParsedNode, type YAMLMap } from "yaml";
import type { DocumentPath } from "./diagnostic.ts";
import type { OffsetRange } from "./scan-references.ts";
import { type AliasTargets, isMergeKey, keyText } from "./yaml-value.ts";

/** A mapping entry or list item in the source. */
export interface LocatedNode {
	/** The value's node, aliases resolved; null for an entry without a value. */
	readonly node: ParsedNode | null;
	/** The value's node as written, which can be an alias. */
	readonly written: ParsedNode | null;
	/** The entry of the path's last key; undefined for list items and the root. */
	readonly pair: Pair<ParsedNode, ParsedNode | null> | undefined;
	/** Number of path steps found; fewer than requested if the rest does not exist. */
	readonly found: number;
}

/**
 * Follows `path` from `root`, through aliases and merge keys; stops at the deepest part that
 * exists.
 * Merged keys are found where they are defined.
 */
export function findNode(root: ParsedNode | null, path: DocumentPath, targets: AliasTargets): LocatedNode {
	let at: LocatedNode = {
		node: follow(root, targets),
		written: root,
		pair: undefined,
		found: 0,
	};
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
			const found = isMap(merged) ? findEntry(merged as YAMLMap.Parsed, key, targets) : undefined;
			if (found !== undefined) return found;
		}
	}
	return undefined;
}

function follow(node: ParsedNode | null, targets: AliasTargets): ParsedNode | null {
	return isAlias(node) ? (targets.get(node as Alias) ?? node) : node;
}

/**
 * Returns the offsets of `located`. An entry without a written value is shown by its key, and a
 * missing part of the path by the deepest part that exists.
 */
export function rangeOf(located: LocatedNode, part: "key" | "value"): OffsetRange {
	const key = located.pair?.key;
	if (part === "key" && key) return [key.range[0], key.range[1]];
	const value = located.written;
	if (value !== null && value.range[1] > value.range[0]) return [value.range[0], value.range[1]];
	const shown = key ?? value;
	return shown ? [shown.range[0], shown.range[1]] : [0, 0];
}
