import fc from "fast-check";
import { expect, test } from "vitest";
import { terminalSafe, terminalSafeLine } from "./code-frame.ts";

test.each([
	["\u001b[31mred", "␛[31mred"],
	["a\r\nb\tc\n", "a\nb\tc\n"],
	["over\rwritten", "over␍written"],
	["\u009b31m", "\\u{9b}31m"],
	["abc\u202etxt.exe", "abc\\u{202e}txt.exe"],
	["naïve 日本 👍", "naïve 日本 👍"],
])("shows %j as %j", (text, expected) => {
	expect(terminalSafe(text)).toBe(expected);
});

test("keeps one line as one line", () => {
	expect(terminalSafeLine("a\nb\tc")).toBe("a␊b␉c");
});

test("leaves no control characters except newline and tab", () => {
	fc.assert(
		fc.property(fc.string({ unit: "binary" }), (text) => {
			expect(terminalSafe(text).replace(/[\n\t]/g, "")).not.toMatch(/\p{Cc}/u);
		}),
	);
});
