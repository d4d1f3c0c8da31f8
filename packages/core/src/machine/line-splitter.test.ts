import fc from "fast-check";
import { expect, test } from "vitest";
import { LineSplitter } from "./run-process.ts";

function split(chunks: readonly Buffer[]): string[] {
	const lines: string[] = [];
	const splitter = new LineSplitter((line) => lines.push(line));
	for (const chunk of chunks) splitter.write(chunk);
	splitter.end();
	return lines;
}

test("returns the same lines for any chunks", () => {
	const text = fc.array(fc.constantFrom("a", "é", "🙂", "\r", "\n", "\r\n", " ")).map((parts) => parts.join(""));
	fc.assert(
		fc.property(text, fc.array(fc.nat(40)), (content, cuts) => {
			const bytes = Buffer.from(content);
			const sorted = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
			const chunks = sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
			const expected = content.split(/\r\n|\n|\r/);
			if (expected.at(-1) === "") expected.pop();
			expect(split(chunks)).toEqual(expected);
		}),
	);
});

test("returns a very long line in pieces", () => {
	const lines = split([Buffer.alloc(800_000, "x"), Buffer.alloc(800_000, "x"), Buffer.from("y")]);
	expect(lines.join("")).toHaveLength(1_600_001);
	expect(lines.length).toBeGreaterThan(1);
});
