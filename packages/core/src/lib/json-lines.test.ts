import fc from "fast-check";
import { expect, test } from "vitest";
import { locateInLine, parseJsonLines } from "./json.ts";

const file = "/tests.jsonl";

test("reads one value per line and accepts blank lines, CRLF and a byte order mark", () => {
	const { rows, diagnostics } = parseJsonLines('\uFEFF{"id": "a"}\r\n\r\n  \n{"id": "b"}', file);
	expect(diagnostics).toEqual([]);
	expect(rows.map(({ line, value }) => [line, value])).toEqual([
		[1, { id: "a" }],
		[4, { id: "b" }],
	]);
});

test.each([
	['{"a": 1,}', 9],
	['{"a": tru}', 10],
	["{a: 1}", 2],
	['{"a": "x', 9],
	["'x'", 1],
	['{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": xyz, "b": "xyz"}', 64],
])("reports an error in %s at its column %s and reads the other lines", (broken, column) => {
	const text = `{"n": 1}\n${broken}\n{"n": 3}\n`;
	const { rows, diagnostics } = parseJsonLines(text, file);
	expect(rows.map((row) => row.line)).toEqual([1, 3]);
	expect(diagnostics).toMatchObject([{ rule: "yaml.syntax", severity: "error", at: { file, line: 2 } }]);
	expect(diagnostics[0]?.message).toMatch(new RegExp(`^Not JSON: .+ at column ${column}$`));
	const range = locateInLine(text, undefined, diagnostics[0]?.at ?? { file });
	expect([range.start.line, range.start.column]).toEqual([2, column]);
});

test("locates a path in its line", () => {
	const text = '\uFEFF{}\r\n{"a": [1, {"b": "x"}]}\r\n';
	const { rows } = parseJsonLines(text, file);
	const range = locateInLine(text, rows[1], { file, line: 2, path: ["a", 1, "b"] });
	expect([range.start.line, range.start.column, range.end.column]).toEqual([2, 17, 20]);
	expect(text.slice(range.start.offset, range.end.offset)).toBe('"x"');
});

test("refuses a line that is nested too deeply", () => {
	const { rows, diagnostics } = parseJsonLines(`${"[".repeat(5000)}${"]".repeat(5000)}\n1\n`, file);
	expect(rows.map((row) => row.value)).toEqual([1]);
	expect(diagnostics).toMatchObject([{ rule: "yaml.limits" }]);
});

test("reads back values written as JSON Lines", () => {
	fc.assert(
		fc.property(fc.array(fc.jsonValue()), fc.constantFrom("\n", "\r\n", "\n\n"), (values, newline) => {
			const text = values.map((value) => JSON.stringify(value)).join(newline);
			const expected = values.map((value) => JSON.parse(JSON.stringify(value)));
			expect(parseJsonLines(text, file).rows.map((row) => row.value)).toEqual(expected);
		}),
	);
});
