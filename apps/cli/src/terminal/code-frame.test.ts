import { describe, expect, it } from "vitest";
import { codeFrame } from "./code-frame.ts";
import { colorsFor } from "./colors.ts";

const plain = colorsFor({ write: () => undefined, isTTY: false, columns: 80, color: false });

describe("codeFrame", () => {
	it("numbers the lines around the spot and marks it", () => {
		const text = Array.from({ length: 12 }, (_, index) => `line ${index + 1}`).join("\n");
		expect(codeFrame(text, { line: 10, column: 6, endColumn: 8 }, plain)).toBe(
			[" 9 | line 9", "10 | line 10", "   |      ^^", "11 | line 11"].join("\n"),
		);
	});

	it("keeps tabs before the marks, so that they stand below what they mark", () => {
		expect(codeFrame("\tkey: value", { line: 1, column: 7, endColumn: 12 }, plain)).toBe(
			"1 | \tkey: value\n  | \t     ^^^^^",
		);
	});

	it("marks one character where the end is unknown, also just past the end of the line", () => {
		expect(codeFrame("ab", { line: 1, column: 3 }, plain)).toBe("1 | ab\n  |   ^");
	});

	it("shows nothing for a line that is not there", () => {
		expect(codeFrame("a", { line: 7, column: 1 }, plain)).toBe("");
	});

	it("neither floods nor steers the terminal", () => {
		const frame = codeFrame(`\u001b[2J${"x".repeat(5000)}`, { line: 1, column: 1, endColumn: 5005 }, plain);
		expect(frame).not.toContain("\u001b");
		expect(Math.max(...frame.split("\n").map((line) => line.length))).toBeLessThan(170);
	});
});
