import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { parseYaml } from "./yaml-document.ts";
import { composeWithin } from "./yaml-value.ts";

const read = (text: string) => parseYaml(text, "/x.yaml");
const lineColumn = (text: string, path: (string | number)[], part?: "key" | "value") => {
	const { start, end } = read(text).locate(path, part);
	return `${start.line}:${start.column}-${end.line}:${end.column}`;
};

describe("the value of a document", () => {
	test("has anchors and merge keys resolved, with its own keys taking precedence", () => {
		const text = "base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\nuse:\n  <<: [*b, *o]\n  x: 9\nlist: [*b, *b]\n";
		expect(read(text).value).toEqual({
			base: { x: 1, y: 2 },
			other: { y: 3, z: 4 },
			use: { x: 9, y: 2, z: 4 },
			list: [
				{ x: 1, y: 2 },
				{ x: 1, y: 2 },
			],
		});
	});

	test("equals that of the yaml package for any text that it writes", () => {
		const options = [
			{},
			{ defaultStringType: "QUOTE_DOUBLE" },
			{ collectionStyle: "flow" },
			{ lineWidth: 20 },
		] as const;
		fc.assert(
			fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(...options), (value, style) => {
				const text = stringify(value, style);
				// The merge key accepts mappings only.
				fc.pre(!text.includes("<<"));
				const document = read(text);
				expect(document.diagnostics).toEqual([]);
				expect(document.value).toEqual(parse(text));
			}),
		);
	});

	test("is null for a file that is empty or contains only comments", () => {
		expect(read("").value).toBeNull();
		expect(read("# nothing\n\n").value).toBeNull();
		expect(read("\uFEFF").diagnostics).toEqual([]);
	});

	test("keeps keys as written", () => {
		expect(read("007: a\ntrue: b\n__proto__: c\n").value).toEqual(JSON.parse('{"007":"a","true":"b","__proto__":"c"}'));
	});

	test("is text if a number is too large, because a short commit may look like one", () => {
		expect(read("- 9e12345\n- -1e999\n- .inf\n- -.INF\n- 1e3\n").value).toEqual([
			...["9e12345", "-1e999", Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1000],
		]);
	});

	test("is read from JSON with tabs, a byte order mark and CRLF", () => {
		expect(read('\uFEFF{\r\n\t"a": [1, null]\r\n}\r\n').value).toEqual({
			a: [1, null],
		});
	});
});

test("sourceText returns scalars as written, such as an id of digits", () => {
	const document = read("- id: 007\n- &a 1_0\n- *a\n- '1e3'\n- {}\n");
	expect(document.sourceText([0, "id"])).toBe("007");
	expect(document.sourceText([2])).toBe("1_0");
	expect(document.sourceText([3])).toBe("1e3");
	expect(document.sourceText([4])).toBeUndefined();
	expect(document.sourceText([0, "none"])).toBeUndefined();
});

describe("locations", () => {
	const text = "base: &b\n  x: one\nuse:\n  <<: *b\n  y: two # note\nempty:\nlist:\n  - a\n  - |\n    block\n";

	test("are found by path", () => {
		expect(lineColumn(text, ["use", "y"])).toBe("5:6-5:9");
		expect(lineColumn(text, ["use", "y"], "key")).toBe("5:3-5:4");
		expect(lineColumn(text, ["list", 0])).toBe("8:5-8:6");
		expect(lineColumn(text, ["list", 1])).toBe("9:5-11:1");
	});

	test("of merged values are at their definition", () => {
		expect(lineColumn(text, ["use", "x"])).toBe("2:6-2:9");
	});

	test("of an entry without a value are its key, and of a missing part the deepest existing part", () => {
		expect(lineColumn(text, ["empty"])).toBe("6:1-6:6");
		expect(lineColumn(text, ["list", 7, "x"])).toBe("8:3-11:1");
	});

	test("exclude the byte order mark and the carriage return", () => {
		expect(lineColumn("\uFEFFa: 1\r\nb: 2\r\n", ["a"])).toBe("1:4-1:5");
		expect(lineColumn("\uFEFFa: 1\r\nb: 2\r\n", ["b"])).toBe("2:4-2:5");
	});

	test("can be given as offsets", () => {
		expect(read(text).range({ range: [9, 13] }).start).toEqual({
			line: 2,
			column: 1,
			offset: 9,
		});
	});
});

describe("a document that can't be read", () => {
	const first = (text: string) => {
		const document = read(text);
		expect(document.value).toBeUndefined();
		const [finding] = document.diagnostics;
		if (finding === undefined) throw new Error("expected a finding");
		const { start } = document.range(finding.at);
		return `${start.line}:${start.column} ${finding.rule} ${finding.message}`;
	};

	test.each([
		["a: 1\nb: {\n", "3:1 yaml.syntax"],
		["a: 1\na: 2\n", "2:1 yaml.syntax The key `a` is duplicated in this mapping"],
		["a: *none\n", "1:4 yaml.syntax The alias *none has no anchor &none before it"],
		["a: &a [*a]\n", "1:8 yaml.syntax The alias *a is inside its own anchor"],
		["a: 1\n---\nb: 2\n", "yaml.syntax The file contains several documents; only one is supported"],
		["a:\n  <<: text\n", "2:7 yaml.syntax The merge key `<<` needs a mapping or a list of mappings"],
		["input: {{ question }}\n", "1:9 yaml.syntax A mapping key must be plain text"],
		["a:\n\tb: 1\n", "2:1 yaml.syntax"],
	])("reports where and why: %j", (text, expected) => {
		expect(first(text)).toContain(expected);
	});

	test("reports only once an error that the parser can't recover from", () => {
		const text = `a:\n  - {command: run {PROMPT}}\n${"  - {b: [1, 2], c: 'd'}\n".repeat(40)}`;
		expect(read(text).diagnostics.map(({ message }) => message)).toEqual([
			expect.stringContaining("Unexpected flow-map-start"),
		]);
	});

	test("reports an alias bomb immediately, with its location", () => {
		let text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
		for (let n = 1; n < 30; n++)
			text += `a${n}: &a${n} [${Array(10)
				.fill(`*a${n - 1}`)
				.join(", ")}]\n`;
		const started = performance.now();
		expect(first(text)).toMatch(/^6:\d+ yaml\.limits The file contains more than 1,000,000 values/);
		expect(performance.now() - started).toBeLessThan(1_000);
	});

	test.each([
		["[".repeat(200_000), "flow"],
		["- ".repeat(200_000), "block"],
		[`${"{a: ".repeat(101)}1${"}".repeat(101)}`, "101 levels"],
		[Array.from({ length: 60 }, (_, n) => `- &a${n} [[${n ? `*a${n - 1}` : "x"}]]\n`).join(""), "through aliases"],
	])("reports nesting that is too deep", (text) => {
		expect(first(text)).toContain("yaml.limits The file nests values more than 100 levels deep");
	});

	test.each([
		["the parser", "{{{{ a }}}} ".repeat(40_000)],
		["the composer", `{${'"\\q": 1, '.repeat(40_000)}}`],
	])("keeps only about a hundred errors from %s", (_, text) => {
		const composed = composeWithin(text, 100);
		const errors = "errors" in composed ? composed.errors : Array.isArray(composed) ? composed[0]?.errors : undefined;
		expect(errors?.length).toBeGreaterThan(90);
		expect(errors?.length).toBeLessThan(150);
	});

	test.each([
		["aliases without anchors", "- *b\n".repeat(10_000)],
		["duplicate keys", "a: 1\n".repeat(10_000)],
	])("reports at most a hundred errors of %s", (_, text) => {
		expect(read(text).diagnostics).toHaveLength(100);
	});

	test("reports a file that is too large", () => {
		expect(first(`a: ${"é".repeat(5_000_001)}`)).toContain("larger than 10,000,000 bytes");
	});
});

test("accepts 100 levels and 3,000 uses of one anchor", () => {
	expect(read(`${"[".repeat(100)}1${"]".repeat(100)}`).diagnostics).toEqual([]);
	const text = `base: &b {a: 1, b: [1, 2, 3]}\ntests:\n${"  - {<<: *b, c: *b}\n".repeat(3000)}`;
	expect(read(text).diagnostics).toEqual([]);
});

test("warns about an unknown tag and returns the plain value", () => {
	const document = read("a: !date 2020-01-01\n");
	expect(document.value).toEqual({ a: "2020-01-01" });
	expect(document.diagnostics).toMatchObject([{ rule: "yaml.syntax", severity: "warning" }]);
});
