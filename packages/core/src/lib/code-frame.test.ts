import fc from "fast-check";
import { expect, test } from "vitest";
import { codeFrame, LineIndex } from "./code-frame.ts";

const frame = (text: string, part: string, options = {}) => {
	const start = text.indexOf(part);
	return codeFrame(text, new LineIndex(text).range(start, start + part.length), options).join("\n");
};

test("shows the lines around a location, numbered, with carets below it", () => {
	const text = Array.from({ length: 12 }, (_, n) => `key${n + 1}: value`).join("\r\n");
	expect(frame(text, "value\r\nkey11", { context: 1 })).toBe(
		["   9 | key9: value", "> 10 | key10: value", "     |        ^^^^^", "  11 | key11: value"].join("\n"),
	);
});

test("aligns the carets after tabs, wide characters and a byte order mark", () => {
	expect(frame("\uFEFF\ta: 日本 x", "x")).toBe("> 1 |     a: 日本 x\n    |             ^");
});

test("makes control characters visible", () => {
	expect(frame("a: \u001b[31m\u0007", "a")).toBe("> 1 | a: ␛[31m␇\n    | ^");
});

test("shortens a long line around the location", () => {
	const text = `${"a".repeat(500)}HERE${"b".repeat(500)}`;
	const [line = "", carets = ""] = frame(text, "HERE", { width: 30 }).split("\n");
	expect(line).toBe(`> 1 | …${"a".repeat(15)}HERE${"b".repeat(9)}…`);
	expect(line.slice(carets.indexOf("^"), carets.lastIndexOf("^") + 1)).toBe("HERE");
});

test("accepts the start and the end of a text, and an empty text", () => {
	expect(codeFrame("", new LineIndex("").range(0, 0))).toEqual(["> 1 |", "    | ^"]);
	expect(codeFrame("a\n", new LineIndex("a\n").range(2, 2))).toEqual(["  1 | a", "> 2 |", "    | ^"]);
	expect(codeFrame("a\nb\n", new LineIndex("a\nb\n").range(0, 1))).toEqual(["> 1 | a", "    | ^", "  2 | b"]);
});

test("is short, free of control characters and has one line of carets for any text", () => {
	const text = fc.array(fc.constantFrom("a", "\t", "日", "👍", "\n", "\r\n", "\u001b", "e\u0301"), { maxLength: 200 });
	fc.assert(
		fc.property(text, fc.nat(250), fc.nat(20), (parts, start, length) => {
			const source = parts.join("");
			const lines = codeFrame(source, new LineIndex(source).range(start, start + length), { width: 20 });
			expect(lines.length).toBeLessThanOrEqual(6);
			expect(lines.filter((line) => /^ +\| +\^+$|^ +\| \^+$/.test(line))).toHaveLength(1);
			expect(lines.join("")).not.toMatch(/\p{Cc}/u);
		}),
	);
});
