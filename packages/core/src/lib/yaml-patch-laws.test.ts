import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DocumentPath } from "./errors.ts";
import { applyEdits } from "./text.ts";
import { parseYaml } from "./yaml-document.ts";
import {
	appendToSequence,
	blockText,
	insertPair,
	removeEntry,
	replaceScalar,
	verifiedPatch,
	withoutValueAt,
	withValueAt,
} from "./yaml-edit.ts";

/** A generated value and its YAML style. */
type Tree =
	| { readonly kind: "scalar"; readonly text: string; readonly style: ScalarStyle; readonly anchor: boolean }
	| {
			readonly kind: "map" | "seq";
			readonly entries: readonly Entry[];
			readonly flow: boolean;
			readonly wide: boolean;
	  };

type ScalarStyle = "plain" | "single" | "double" | "|" | "|-" | "|+" | ">-" | "alias" | "empty";

interface Entry {
	readonly tree: Tree;
	readonly above: readonly ("" | "#")[];
	readonly comment: boolean;
}

const words = fc.constantFrom("a", "b c", "x-1", "${{ HOME }}", "it's", 'q"q', "1", "true", "https://h/p#x", "日本");

const { root } = fc.letrec<{ root: Tree; tree: Tree; scalar: Tree; collection: Tree; entry: Entry }>((tie) => ({
	scalar: fc.record({
		kind: fc.constant("scalar" as const),
		text: words,
		style: fc.constantFrom<ScalarStyle>("plain", "single", "double", "|", "|-", "|+", ">-", "alias", "empty"),
		anchor: fc.boolean(),
	}),
	entry: fc.record({
		tree: tie("tree"),
		above: fc.array(fc.constantFrom("" as const, "#" as const), { maxLength: 2 }),
		comment: fc.boolean(),
	}),
	collection: fc.record({
		kind: fc.constantFrom("map" as const, "seq" as const),
		entries: fc.array(tie("entry"), { minLength: 1, maxLength: 4 }),
		flow: fc.nat(4).map((n) => n === 0),
		wide: fc.boolean(),
	}),
	tree: fc.oneof({ depthSize: "small", withCrossShrink: true }, tie("scalar"), tie("collection")),
	root: tie("collection"),
}));

/** Writes a tree as YAML, with a unique number in every comment. */
class Writer {
	#comments = 0;
	#anchors = 0;

	write(tree: Tree): string {
		return `${this.#block({ ...tree, flow: false } as Tree, 0).join("\n")}\n`;
	}

	#comment(): string {
		return `# c${++this.#comments}.`;
	}

	#block(tree: Tree, indent: number): string[] {
		if (tree.kind === "scalar") throw new Error("scalars are written inline");
		const blanks = " ".repeat(indent);
		return tree.entries.flatMap((entry, index) => {
			const head = tree.kind === "map" ? `${blanks}k${index}:` : `${blanks}-`;
			const above = entry.above.map((line) => (line === "" ? "" : `${blanks}${this.#comment()}`));
			return [...above, ...this.#entry(head, entry, indent, tree.kind)];
		});
	}

	#entry(head: string, { tree, comment }: Entry, indent: number, kind: "map" | "seq"): string[] {
		const note = () => (comment ? ` ${this.#comment()}` : "");
		if (tree.kind !== "scalar" && !tree.flow) {
			const inner = tree.kind === "seq" && kind === "map" && tree.wide ? indent : indent + 2;
			const first = `${head}${note()}`;
			const lines = this.#block(tree, inner);
			const compact = kind === "seq" && !comment && lines[0]?.trim() && !lines[0].includes("#");
			return compact ? [`${head} ${lines[0]?.trimStart()}`, ...lines.slice(1)] : [first, ...lines];
		}
		if (tree.kind === "scalar" && /^[|>]/.test(tree.style)) {
			const blanks = " ".repeat(indent + 2);
			return [`${head} ${tree.style}${note()}`, `${blanks}${tree.text}`, `${blanks}second # line`, ""];
		}
		return [`${head} ${this.#inline(tree)}`.trimEnd() + note()];
	}

	#inline(tree: Tree): string {
		if (tree.kind === "scalar") return this.#scalar(tree.text, tree.style, tree.anchor);
		const items = tree.entries.map((entry, index) => {
			const inner = this.#inline(entry.tree);
			return tree.kind === "map" ? `k${index}: ${inner}` : inner === "" ? '""' : inner;
		});
		const inside = items.join(", ") + (tree.wide ? "," : "");
		return tree.kind === "map" ? `{ ${inside} }` : `[${inside}]`;
	}

	#scalar(text: string, style: ScalarStyle, anchor: boolean): string {
		if (style === "empty") return "";
		if (style === "alias" && this.#anchors > 0) return `*a${this.#anchors} `;
		const prefix = anchor && style !== "alias" ? `&a${++this.#anchors} ` : "";
		if (style === "single") return `${prefix}'${text.replaceAll("'", "''")}'`;
		const plain = style === "plain" && !/[{}#"']/.test(text);
		return prefix + (plain ? text : JSON.stringify(text));
	}
}

const sample = fc.record({ tree: root, crlf: fc.boolean(), bom: fc.boolean(), ended: fc.boolean() }).map((made) => {
	const text = new Writer().write(made.tree);
	const ended = made.ended ? text : text.trimEnd();
	return (made.bom ? "\uFEFF" : "") + (made.crlf ? ended.replaceAll("\n", "\r\n") : ended);
});

const read = (text: string) => {
	const document = parseYaml(text, "/sample.yaml");
	expect(document.diagnostics, text).toEqual([]);
	return document;
};

/** Returns every path below `value` to a value of this kind. */
function pathsOf(value: unknown, kind: "leaf" | "map" | "seq" | "any", path: DocumentPath = []): DocumentPath[] {
	const own = typeof value !== "object" || value === null ? "leaf" : Array.isArray(value) ? "seq" : "map";
	const here = kind === "any" ? path.length > 0 : kind === own;
	const below =
		own === "leaf"
			? []
			: Object.entries(value as object).flatMap(([key, item]) =>
					pathsOf(item, kind, [...path, own === "seq" ? Number(key) : key]),
				);
	return [...(here ? [path] : []), ...below];
}

const commentsIn = (text: string) => text.match(/# c\d+\./g) ?? [];
const pick = <T>(list: readonly T[], seed: number): T => {
	fc.pre(list.length > 0);
	return list[seed % list.length] as T;
};

const newTexts = fc.oneof(
	words,
	fc.constantFrom("", " ", "two\nlines\n", "no end\nhere", "a: b", "- x", "# c", "\t", "007", "null", "~", "*x", "---"),
	fc.string({ unit: "binary", maxLength: 6 }),
);

describe("any document with comments, anchors, block scalars and CRLF", () => {
	const runs = { numRuns: 300 };

	test("is unchanged without edits", () => {
		fc.assert(
			fc.property(sample, (text) => {
				expect(applyEdits(read(text).text, [])).toBe(text);
			}),
			runs,
		);
	});

	test("keeps all other values and every comment when a value is replaced", () => {
		fc.assert(
			fc.property(sample, fc.nat(), newTexts, (text, seed, value) => {
				const document = read(text);
				const path = pick(pathsOf(document.value, "leaf"), seed);
				const { written } = document.find(path);
				// The value of an anchor with aliases can't be replaced.
				fc.pre(!(written && "anchor" in written && written.anchor && new RegExp(`\\*${written.anchor}\\b`).test(text)));
				const edit = replaceScalar(document, path, value);
				const patched = verifiedPatch(document, [edit], withValueAt(document.value, path, value));
				expect(commentsIn(patched.text)).toEqual(commentsIn(text));
				expect(patched.text.includes("\r\n")).toBe(text.includes("\r\n") && patched.text.includes("\n"));
			}),
			runs,
		);
	});

	test("keeps all other entries when one is removed", () => {
		fc.assert(
			fc.property(sample, fc.nat(), (text, seed) => {
				fc.pre(!text.includes("*a"));
				const document = read(text);
				const path = pick(pathsOf(document.value, "any"), seed);
				const patched = verifiedPatch(document, removeEntry(document, path), withoutValueAt(document.value, path));
				const lines = new Set(["", ...text.split(/\r?\n/)]);
				const changed = patched.text.split(/\r?\n/).filter((line) => !lines.has(line));
				expect(changed.length, patched.text).toBeLessThanOrEqual(1);
			}),
			runs,
		);
	});

	const newValues = fc.oneof(words, fc.constant({ id: "x", source: { url: "u", tags: ["t"] } }), fc.constant("a\nb\n"));

	test("keeps every line when an entry is added to a list or mapping", () => {
		fc.assert(
			fc.property(sample, fc.nat(), newValues, fc.boolean(), (text, seed, value, toMap) => {
				const document = read(text);
				const at = pick(pathsOf(document.value, toMap ? "map" : "seq"), seed);
				fc.pre(!text.includes("*a"));
				const before = document.find(at).node !== null ? document.value : undefined;
				const list = pick([at.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], before)], 0);
				const path = [...at, toMap ? "added" : (list as unknown[]).length];
				const edits = toMap
					? insertPair(document, at, "added", blockText(value))
					: appendToSequence(document, at, blockText(value));
				const patched = verifiedPatch(document, edits, withValueAt(document.value, path, value));
				expect(commentsIn(patched.text)).toEqual(commentsIn(text));
			}),
			runs,
		);
	});
});
