import {
	Document,
	isAlias,
	isMap,
	isNode,
	isPair,
	isScalar,
	isSeq,
	type Node,
	type Pair,
	parseDocument,
	type ScalarTag,
	type Tags,
	type YAMLMap,
	type YAMLSeq,
} from "yaml";
import { jsonNumber } from "../lib/json.ts";
import { parseYaml } from "../lib/yaml-document.ts";
import { sameValue } from "../lib/yaml-edit.ts";
import { isRecord } from "./layout.ts";

/** Keeps the spelling: `007` and `1e3` must not become 7 and 1000 in a bundle. */
export class WrittenNumber {
	readonly text: string;
	readonly #value: number;

	constructor(text: string, value: number) {
		this.text = text;
		this.#value = value;
	}

	valueOf(): number {
		return this.#value;
	}

	toJSON(): number {
		return this.#value;
	}
}

function withPlainNumbers(value: unknown): unknown {
	if (value instanceof WrittenNumber) return value.valueOf();
	if (typeof value !== "object" || value === null) return value;
	if (Array.isArray(value)) return value.map(withPlainNumbers);
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withPlainNumbers(item)]));
}

/** A number that JSON can't spell becomes text, which such fields read as the same number. */
export function printJson(value: unknown): string {
	if (value instanceof WrittenNumber) return jsonNumber.test(value.text) ? value.text : JSON.stringify(value.text);
	if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
	if (Array.isArray(value)) return `[${value.map(printJson).join(",")}]`;
	const entries = Object.entries(value).filter(([, item]) => item !== undefined);
	return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${printJson(item)}`).join(",")}}`;
}

/** The previous index of each item of a list; undefined for new items. */
type ItemOrigins = readonly (number | undefined)[];

const printing = { lineWidth: 0, flowCollectionPadding: false } as const;

function keepNumbers(tags: Tags): Tags {
	const keeping = tags.flatMap((tag): ScalarTag[] => {
		if (typeof tag === "string" || !("resolve" in tag) || !/:(int|float)$/.test(tag.tag) || !("test" in tag)) return [];
		return [
			{
				...(tag as ScalarTag),
				identify: (value) => value instanceof WrittenNumber,
				resolve: (text) => new WrittenNumber(text, Number(text)),
				stringify: ({ value }) => (value instanceof WrittenNumber ? value.text : String(value)),
			},
		];
	});
	return [...keeping, ...tags];
}

export function printYaml(value: unknown): string {
	const options = { aliasDuplicateObjects: false, customTags: keepNumbers, version: "1.2" } as const;
	return new Document(value, options).toString(printing);
}

/**
 * Keeps comments, quotes and blank lines, or prints `after` if that would change the meaning.
 * @param origins of the list under a key; others are guessed
 */
export function patchYaml(
	source: string,
	before: unknown,
	after: unknown,
	origins: Readonly<Record<string, ItemOrigins>>,
): string {
	const document = parseDocument(source, { customTags: keepNumbers, merge: true, version: "1.2" });
	const root = document.contents;
	if (document.errors.length > 0 || !isMap(root) || !isRecord(before) || !isRecord(after)) return printYaml(after);
	new Patch(document).map(root, before, after, origins);
	let text: string;
	try {
		text = document.toString(printing);
	} catch (error) {
		// The anchor of an alias was removed.
		if (error instanceof Error) return printYaml(after);
		throw error;
	}
	return sameValue(parseYaml(text, "eval.yaml").value, withPlainNumbers(after)) ? text : printYaml(after);
}

class Patch {
	readonly #document: Document;

	constructor(document: Document) {
		this.#document = document;
	}

	#node(node: unknown, before: unknown, after: unknown, origins?: ItemOrigins): unknown {
		if (sameValue(before, withPlainNumbers(after))) return node;
		if (isMap(node) && isRecord(before) && isRecord(after)) return this.map(node, before, after);
		if (isSeq(node) && Array.isArray(before) && Array.isArray(after)) return this.#list(node, before, after, origins);
		if (isScalar(node) && typeof after === "string" && typeof node.value === "string") {
			node.value = after;
			if (!after.includes("\n") && /^BLOCK/.test(node.type ?? "")) delete node.type;
			return node;
		}
		const created = this.#document.createNode(after, { aliasDuplicateObjects: false });
		// Move a comment before the old value to its replacement.
		if (isNode(node) && isNode(created) && !isAlias(node)) {
			if (node.commentBefore) created.commentBefore = node.commentBefore;
			if (node.comment && isScalar(created)) created.comment = node.comment;
		}
		return created;
	}

	map(
		node: YAMLMap,
		before: Readonly<Record<string, unknown>>,
		after: Readonly<Record<string, unknown>>,
		origins: Readonly<Record<string, ItemOrigins>> = {},
	): YAMLMap {
		node.items = node.items.filter((pair) => {
			const key = keyOf(pair);
			return typeof key !== "string" || !Object.hasOwn(before, key) || Object.hasOwn(after, key);
		});
		let position = 0;
		for (const [key, value] of Object.entries(after)) {
			const pair = node.items.find((item) => keyOf(item) === key);
			if (pair) {
				pair.value = this.#node(pair.value, before[key], value, origins[key]);
				position = node.items.indexOf(pair) + 1;
			} else if (!Object.hasOwn(before, key) || !sameValue(before[key], withPlainNumbers(value))) {
				node.items.splice(position, 0, this.#pair(node, key, value, position));
				position += 1;
			}
		}
		return node;
	}

	#pair(node: YAMLMap, key: string, value: unknown, position: number): Pair {
		const pair = this.#document.createPair(key, value) as Pair<Node, unknown>;
		// Keep a comment at the start of the file or block in place.
		const first = node.items[0];
		if (position === 0 && isPair(first) && isNode(first.key) && first.key.commentBefore) {
			pair.key.commentBefore = first.key.commentBefore;
			delete first.key.commentBefore;
		}
		return pair;
	}

	#list(node: YAMLSeq, before: readonly unknown[], after: readonly unknown[], known?: ItemOrigins): YAMLSeq {
		const origins =
			known ?? (before.length === after.length ? after.map((_, index) => index) : guessOrigins(before, after));
		const old = [...node.items];
		node.items = after.map((value, index) => {
			const origin = origins[index];
			return origin === undefined
				? this.#document.createNode(value, { aliasDuplicateObjects: false })
				: this.#node(old[origin], before[origin], value);
		});
		if (node.flow && after.length > before.length && after.some(isRecord)) node.flow = false;
		return node;
	}
}

/** Unchanged items stay in place; those in between are new. */
function guessOrigins(before: readonly unknown[], after: readonly unknown[]): (number | undefined)[] {
	let next = 0;
	return after.map((value) => {
		const position = before.findIndex((old, index) => index >= next && alike(old, value));
		if (position === -1) return undefined;
		next = position + 1;
		return position;
	});
}

function alike(old: unknown, value: unknown): boolean {
	if (sameValue(old, withPlainNumbers(value))) return true;
	if (!isRecord(old) || !isRecord(value)) return false;
	return ["id", "name", "type"].every((key) => old[key] === value[key]) && old.include === undefined;
}

function keyOf({ key }: Pair): unknown {
	return isScalar(key) ? String(key.value) : key;
}
