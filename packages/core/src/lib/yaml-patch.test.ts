import { describe, expect, test } from "vitest";
import { AgentvError, type DocumentPath } from "./errors.ts";
import { applyEdits, type TextEdit } from "./text.ts";
import { parseYaml, type YamlDocument } from "./yaml-document.ts";
import {
	appendToSequence,
	blockText,
	insertPair,
	removeEntry,
	renameKey,
	replaceScalar,
	verifiedPatch,
	withoutValueAt,
	withValueAt,
} from "./yaml-edit.ts";

const patched = (text: string, edit: (document: YamlDocument) => TextEdit[], expected: (value: unknown) => unknown) => {
	const document = parseYaml(text, "/benchmarks.yaml");
	return verifiedPatch(document, edit(document), expected(document.value)).text;
};
const replaced = (text: string, path: DocumentPath, value: string | number) =>
	patched(
		text,
		(document) => [replaceScalar(document, path, value)],
		(before) => withValueAt(before, path, value),
	);
const removed = (text: string, path: DocumentPath) =>
	patched(
		text,
		(document) => removeEntry(document, path),
		(before) => withoutValueAt(before, path),
	);
const appended = (text: string, path: DocumentPath, item: unknown, after: unknown) =>
	patched(
		text,
		(document) => appendToSequence(document, path, blockText(item)),
		() => after,
	);

describe("replacing a value", () => {
	test.each([
		["a: one # note\n", "two", "a: two # note\n"],
		["a: 'one' # note\n", "it's", "a: 'it''s' # note\n"],
		['a: "one"\n', 'say "hi"', 'a: "say \\"hi\\""\n'],
		["a: one\n", "yes: no", 'a: "yes: no"\n'],
		["a: one\n", "007", 'a: "007"\n'],
		["a: one\n", "", 'a: ""\n'],
		["a: one\n", "${{ X }}", "a: ${{ X }}\n"],
		["a: one\n", "x #y", 'a: "x #y"\n'],
		["a: one\n", 'C:\\"x" #', "a: 'C:\\\"x\" #'\n"],
		["a: &x !!str one\n", "two", "a: &x !!str two\n"],
		["a: # note\nb: 1\n", "two", "a: two # note\nb: 1\n"],
		["a: one\r\nb: 1\r\n", "two\nlines", 'a: "two\\nlines"\r\nb: 1\r\n'],
		["a: long\n  plain\nb: 1\n", "short", "a: short\nb: 1\n"],
		["{a: one, b: 1}", "x, y", '{a: "x, y", b: 1}'],
		["\uFEFFa: one", "two", "\uFEFFa: two"],
	])("keeps the style: %j", (text, value, expected) => {
		expect(replaced(text, ["a"], value)).toBe(expected);
	});

	test.each([
		["a: |  # note\n  one\n\nb: 1\n", "two\nthree\n", "a: |  # note\n  two\n  three\n\nb: 1\n"],
		["a: |-\n    one\n", "two\n", "a: |\n    two\n"],
		["a: |2 # n\n  one\n", "two", "a: |- # n\n  two"],
		["a: >\n  one\n  more\nb: 1\n", "two\n", "a: >\n  two\nb: 1\n"],
		["a: > # n\n  one\nb: 1\n", "two\nthree\n", "a: | # n\n  two\n  three\nb: 1\n"],
		["a: |+ # note\n  one\n\n\nb: 1\n", " two", 'a: " two" # note\n\n\nb: 1\n'],
		["- a: |\r\n    one\r\n  b: 1\r\n", "x\n\ny\n", "- a: |\r\n    x\r\n\r\n    y\r\n  b: 1\r\n"],
	])("of a block scalar: %j", (text, value, expected) => {
		const path = text.startsWith("-") ? [0, "a"] : ["a"];
		expect(replaced(text, path, value).replace(/\n$/, "")).toBe(expected.replace(/\n$/, ""));
	});

	test("keeps JSON valid", () => {
		const document = parseYaml('{"a": 3}', "/evals.json");
		expect(applyEdits(document.text, [replaceScalar(document, ["a"], "x")])).toBe('{"a": "x"}');
	});

	test("of an alias does not change the anchor", () => {
		expect(replaced("a: &x one\nb: *x\nc: *x\n", ["b"], "two")).toBe("a: &x one\nb: two\nc: *x\n");
	});

	test("is refused if aliases refer to it", () => {
		expect(() => replaced("a: &x one\nb: *x\n", ["a"], "two")).toThrow(AgentvError);
	});
});

test("renames a key in place", () => {
	const text = "tests:\n  - assert: # old\n      - x\n    id: a\n";
	const document = parseYaml(text, "/x.yaml");
	const edited = applyEdits(text, [renameKey(document, ["tests", 0, "assert"], "assertions")]);
	expect(edited).toBe(text.replace("assert:", "assertions:"));
});

describe("removing an entry", () => {
	const list =
		"benchmarks:\n  # all of them\n  - id: a # first\n    path: x\n\n  # about b\n  # - id: old\n  - id: b\n  - id: c\n";

	test.each([
		[0, "benchmarks:\n  # all of them\n\n  # about b\n  # - id: old\n  - id: b\n  - id: c\n"],
		[1, "benchmarks:\n  # all of them\n  - id: a # first\n    path: x\n\n  # about b\n  # - id: old\n  - id: c\n"],
		[2, "benchmarks:\n  # all of them\n  - id: a # first\n    path: x\n\n  # about b\n  # - id: old\n  - id: b\n"],
	])("at index %d of a list keeps the others", (index, expected) => {
		expect(removed(list, ["benchmarks", index])).toBe(expected);
	});

	test("removes the comment directly above it", () => {
		expect(removed("l:\n- a\n\n# about b\n- b\n- c", ["l", 1])).toBe("l:\n- a\n\n- c");
		expect(removed("l:\n- a\n# about b\n- b", ["l", 1])).toBe("l:\n- a\n");
	});

	test.each([
		["- a: 1\n  b: 2\n", [0, "a"], "- b: 2\n"],
		["- a: 1 # x\n  # about b\n  b: 2\n", [0, "a"], "-\n  # about b\n  b: 2\n"],
		["a: |+\n  x\n\nb: 1\n", ["a"], "b: 1\n"],
		["a: 1\r\nb: 2\r\n", ["b"], "a: 1\r\n"],
		["a: 1\r\nb: 2", ["b"], "a: 1\r\n"],
		["l: [a, b, c]\n", ["l", 1], "l: [a, c]\n"],
		["l: [a, b, c]\n", ["l", 2], "l: [a, b]\n"],
		["l: [a]\n", ["l", 0], "l: []\n"],
		["l: {a: 1, b: 2,}\n", ["l", "b"], "l: {a: 1,}\n"],
		["l: [\n  a, # one\n  b, # two\n]\n", ["l", 1], "l: [\n  a, # one\n]\n"],
		["l: # all\n  - a\nb: 1\n", ["l", 0], "l: [] # all\nb: 1\n"],
		["l:\n- a\n", ["l", 0], "l: []\n"],
		["l:\n- a", ["l", 0], "l: []\n"],
		["l:\n  - - a\n", ["l", 0, 0], "l:\n  - []\n"],
		["a: 1\n", ["a"], "{}\n"],
	])("from %j at %j", (text, path, expected) => {
		expect(removed(text, path)).toBe(expected);
	});

	test("is refused if it comes from a merge key", () => {
		expect(() => removed("a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\n", ["b", "k"])).toThrow("merge key");
	});
});

describe("adding to a list", () => {
	const entry = { id: "new", source: { url: "${{ URL }}", ref: "007" } };
	const lines = ["id: new", "source:", "  url: ${{ URL }}", '  ref: "007"'];
	const item = (indent: string, newline = "\n") =>
		lines.map((line, index) => `${indent}${index === 0 ? "- " : "  "}${line}`).join(newline);

	test.each([
		["", `benchmarks:\n${item("  ")}\n`],
		["# my benchmarks\n", `# my benchmarks\nbenchmarks:\n${item("  ")}\n`],
		["# no newline", `# no newline\nbenchmarks:\n${item("  ")}\n`],
		["benchmarks: [] # none yet\n", `benchmarks: # none yet\n${item("  ")}\n`],
		["benchmarks:\n", `benchmarks:\n${item("  ")}\n`],
		["benchmarks: null\n# end\n", `benchmarks:\n${item("  ")}\n# end\n`],
		["benchmarks: ~", `benchmarks:\n${item("  ")}`],
		["{}\n", `benchmarks:\n${item("  ")}\n`],
		["other: 1\n# end\n", `other: 1\nbenchmarks:\n${item("  ")}\n# end\n`],
	])("that does not exist yet: %j", (text, expected) => {
		const before = parseYaml(text, "/x.yaml").value ?? {};
		expect(appended(text, ["benchmarks"], entry, { ...before, benchmarks: [entry] })).toBe(expected);
	});

	test.each([
		["benchmarks:\n- id: a # x\n# end\n", `benchmarks:\n- id: a # x\n${item("")}\n# end\n`],
		["benchmarks:\r\n    - id: a", `benchmarks:\r\n    - id: a\r\n${item("    ", "\r\n")}`],
		["benchmarks: [{id: a}]\n", 'benchmarks: [{id: a}, {"id":"new","source":{"url":"${{ URL }}","ref":"007"}}]\n'],
		[
			"benchmarks: [\n  {id: a},\n]\n",
			'benchmarks: [\n  {id: a},\n  {"id":"new","source":{"url":"${{ URL }}","ref":"007"}}\n]\n',
		],
	])("that has entries: %j", (text, expected) => {
		expect(appended(text, ["benchmarks"], entry, { benchmarks: [{ id: "a" }, entry] })).toBe(expected);
	});

	test("whose last item ends with significant blank lines", () => {
		const text = "l:\n  - |+\n    x\n\n\nb: 1\n";
		expect(appended(text, ["l"], "y", { l: ["x\n\n\n", "y"], b: 1 })).toBe("l:\n  - |+\n    x\n\n\n  - y\nb: 1\n");
	});

	test("is refused if it is not a list", () => {
		expect(() => appended("benchmarks: {a: 1}\n", ["benchmarks"], entry, {})).toThrow("no list");
	});
});

test.each([
	["- id: a\n  b: 1 # x\n- id: c\n", [0], "- id: a\n  b: 1 # x\n  ref: main\n- id: c\n"],
	["a: {b: 1}\n", ["a"], 'a: {b: 1, ref: "main"}\n'],
	["a:\nb: 1\n", ["a"], "a:\n  ref: main\nb: 1\n"],
	["- a:\n  b: 1\n", [0, "a"], "- a:\n    ref: main\n  b: 1\n"],
])("adds an entry to a mapping: %j", (text, path, expected) => {
	const edit = (document: YamlDocument) => insertPair(document, path, "ref", "main");
	expect(patched(text, edit, (value) => withValueAt(value, [...path, "ref"], "main"))).toBe(expected);
});

test("never changes a file with errors", () => {
	const document = parseYaml("a: [1\nb: 2\n", "/x.yaml");
	expect(() => verifiedPatch(document, [], { a: 1 })).toThrow("/x.yaml was not changed: it has errors");
});

test("throws if edits overlap", () => {
	const edits: TextEdit[] = [
		{ range: [0, 2], text: "" },
		{ range: [1, 3], text: "" },
	];
	expect(() => applyEdits("abc", edits)).toThrow(RangeError);
});
