import { gitTestEnvironment, law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseYaml } from "../lib/yaml-document.ts";
import { parseRegistry, withEntry, withoutEntry } from "./registry.ts";

const env = gitTestEnvironment;
const entry = { id: "new", path: "/data/new", source: { url: "https://x:${{ TOKEN }}@host/new.git", ref: "main" } };

const add = (text: string) => withEntry(parseYaml(text, "/r.yaml"), entry);
const remove = (text: string, index: number) => withoutEntry(parseYaml(text, "/r.yaml"), index);
const idsOf = (text: string) => parseRegistry(text, "/r.yaml", env).entries.map(({ id }) => id);

describe("a hand-written registry", () => {
	test.each([
		["nothing", ""],
		["only a comment", "# mine\n"],
		["a byte order mark", "\ufeff"],
		["another key", "version: 1\n"],
		["no value", "benchmarks:\n"],
		["no value and a comment", "benchmarks: # none yet\n\n# the end\n"],
		["null", "benchmarks: null # none\n"],
		["an empty list", "benchmarks: []\n"],
		["an empty document in flow style", "{}\n"],
		["no line break at the end", "benchmarks:\n- {id: a, path: /a}"],
		["JSON", '{"benchmarks": [{"id": "a", "path": "/a"}]}\n'],
		["a list over several lines", "benchmarks: [\n  { id: a, path: /a }, # first\n]\n"],
		["other keys after the list", "benchmarks:\n  - id: a\n    path: /a\n\n# about x\nx: 1\n"],
		["CRLF", "benchmarks:\r\n  - id: a\r\n    path: /a\r\nx: 1\r\n"],
		["a block scalar at the end", "benchmarks:\n  - id: a\n    path: /a\n    note: |\n      text\n\n"],
	])("with %s is otherwise unchanged when an entry is added", (_, text) => {
		const added = add(text);
		expect(idsOf(added)).toEqual([...idsOf(text), "new"]);
		expect(added).toContain("${{ TOKEN }}");
		const before = text.replace(/ null | null\n|\[\]|\{\}/, "").replace(/\s/g, "");
		let at = 0;
		for (const character of added.replace(/\s/g, "")) if (character === before[at]) at++;
		expect(at).toBe(before.length);
	});

	test("loses only the entry's lines on removal and keeps the comments around it", () => {
		const text = "# top\nbenchmarks:\n  # a\n  - id: a\n    path: /a # here\n  # b\n  - id: b\n    path: /b\n  # c\n";
		expect(remove(text, 0)).toBe("# top\nbenchmarks:\n  # a\n  # b\n  - id: b\n    path: /b\n  # c\n");
		expect(remove(text, 1)).toBe("# top\nbenchmarks:\n  # a\n  - id: a\n    path: /a # here\n  # b\n  # c\n");
		expect(idsOf(remove(remove(text, 0), 0))).toEqual([]);
	});

	test("is not changed if an alias refers to the entry", () => {
		expect(() => remove("benchmarks:\n  - &a {id: a, path: /a}\nother: *a\n", 0)).toThrow(/not changed/);
		expect(() => add("list: &l [{id: a, path: /a}]\nbenchmarks: *l\n")).toThrow(/not changed/);
	});
});

/** Registry texts in block style, with comments anywhere, unknown keys, variables, CRLF and BOM. */
const scalar = fc.constantFrom(
	"a",
	"/data/x",
	'"quoted: yes"',
	"'it''s'",
	"${{ HOME }}/x",
	"${{ A:-b }}",
	"007",
	"1.10",
	"~/x",
);
const comment = fc.constantFrom("", "", "  # note", " # ${{ X }}");
const lineComment = fc.constantFrom("", "", "# above", "  # indented", "#");
const blockEntry = fc
	.record({ name: scalar, path: scalar, unknown: fc.boolean(), source: fc.boolean(), end: comment, above: lineComment })
	.map(({ name, path, unknown, source, end, above }) => (id: string) => ({
		above: above === "" ? "" : `${above}\n`,
		text:
			`  - id: ${id}${end}\n    name: ${name}\n    path: ${path}${end}\n` +
			(unknown ? "    x-extra: [1, {a: b}] # kept\n" : "") +
			(source ? `    source:\n      url: "https://h/${id}"\n      # inner\n      ref: ${name}\n` : ""),
	}));
const document = fc.record({
	entries: fc.array(blockEntry, { minLength: 1, maxLength: 5 }),
	head: fc.constantFrom("", "# head\n\n", "version: 1\n", "%YAML 1.2\n---\n"),
	tail: fc.constantFrom("", "\n# tail\n", "other:\n  - id: z\n", "\n\n\n"),
	crlf: fc.boolean(),
	bom: fc.boolean(),
	ended: fc.boolean(),
});

/**
 * Entries on one line each, in a list of either style, in the notation of people and of programs.
 */
const flowEntry = fc
	.record({ name: scalar, json: fc.boolean(), inner: fc.constantFrom("", " ", "\n     ") })
	.map(({ name, json, inner }) => (id: string) => {
		const value =
			name.startsWith("${{") || name.includes(":") || name.startsWith("'") ? `"${name.replace(/["']/g, "")}"` : name;
		if (json) return `{"id": "${id}",${inner}"path": "/x", "source": {"url": "https://h/\${{ A }}"}}`;
		return `{id: ${id},${inner}name: ${value}, path: /x}`;
	});
const flowList = fc.record({
	entries: fc.array(flowEntry, { minLength: 1, maxLength: 4 }),
	style: fc.constantFrom("dashes", "one line", "lines", "lines with a last comma"),
	head: fc.constantFrom("", "# head\n", "version: 1\n"),
	tail: fc.constantFrom("", "\n", " # tail\n", "\nother: 1\n"),
	crlf: fc.boolean(),
	bom: fc.boolean(),
});
const separators = {
	"one line": [", ", ""],
	lines: [",\n  ", "\n"],
	"lines with a last comma": [",\n  ", ",\n"],
} as const;

function writeFlow({
	entries,
	style,
	head,
	tail,
	crlf,
	bom,
}: typeof flowList extends fc.Arbitrary<infer T> ? T : never) {
	const texts = entries.map((entryOf, index) => entryOf(`e${index}`));
	const [between, last] = style === "dashes" ? ["", ""] : separators[style];
	const list =
		style === "dashes"
			? `\n${texts.map((text) => `  - ${text}`).join("\n")}`
			: ` [${style === "one line" ? "" : "\n  "}${texts.join(between)}${last}]`;
	const text = `${head}benchmarks:${list}${tail}`;
	return (bom ? "\ufeff" : "") + (crlf ? text.replaceAll("\n", "\r\n") : text);
}

describe("any registry text in flow style", () => {
	test("keeps every byte before and after an added entry", () => {
		fc.assert(
			fc.property(flowList, (made) => {
				const text = writeFlow(made);
				const added = add(text);
				const start = commonStart(text, added);
				expect(added.endsWith(text.slice(start))).toBe(true);
				expect(idsOf(added)).toEqual([...idsOf(text), "new"]);
			}),
			law(1000),
		);
	});

	test("loses only one range of text when an entry is removed, and keeps every other entry", () => {
		fc.assert(
			fc.property(flowList, fc.nat(), (made, seed) => {
				const text = writeFlow(made);
				const index = seed % made.entries.length;
				const left = remove(text, index);
				expect(text.endsWith(left.slice(commonStart(text, left))) || left.includes("[]")).toBe(true);
				expect(idsOf(left)).toEqual(idsOf(text).filter((id) => id !== `e${index}`));
				const others = made.entries.map((entryOf, at) => entryOf(`e${at}`)).filter((_, at) => at !== index);
				for (const other of others) expect(left.replaceAll("\r\n", "\n")).toContain(other);
				const isOwnLine = made.style === "dashes" && index === made.entries.length - 1;
				if (made.tail.includes("#") && !isOwnLine) expect(left).toContain(made.tail.trim());
			}),
			law(1000),
		);
	});
});

describe("any registry text", () => {
	test("keeps every byte before and after an added entry", () => {
		fc.assert(
			fc.property(document, (made) => {
				const text = write(made, undefined);
				const added = add(text);
				const start = commonStart(text, added);
				expect(added.endsWith(text.slice(start))).toBe(true);
				expect(idsOf(added)).toEqual([...idsOf(text), "new"]);
				expect(remove(added, made.entries.length)).toBe(text);
			}),
			law(2000),
		);
	});

	test("keeps every other byte when an entry is removed", () => {
		fc.assert(
			fc.property(document, fc.nat(), (made, seed) => {
				const index = seed % made.entries.length;
				const ended = { ...made, ended: true };
				expect(remove(write(ended, undefined), index)).toBe(write(ended, index));
			}),
			law(2000),
		);
	});
});

function write(made: typeof document extends fc.Arbitrary<infer T> ? T : never, without: number | undefined): string {
	const entries = made.entries.map((entryOf, index) => {
		const { above, text } = entryOf(`e${index}`);
		return above + (index === without ? "" : text);
	});
	const text = `${made.head}benchmarks:\n${entries.join("")}${made.tail}`;
	const ended = made.ended ? text : text.trimEnd();
	return (made.bom ? "\ufeff" : "") + (made.crlf ? ended.replaceAll("\n", "\r\n") : ended);
}

function commonStart(one: string, other: string): number {
	let length = 0;
	while (length < one.length && one[length] === other[length]) length++;
	return length;
}
