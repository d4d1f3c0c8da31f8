import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { law, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readLines } from "./read-file.ts";

function linesOf(path: string) {
	const texts: string[] = [];
	const lines = readLines(path);
	let next = lines.next();
	for (; !next.done; next = lines.next()) texts.push(next.value.text());
	return { texts, rest: next.value };
}

test("returns lines of any length", () => {
	const file = join(tempTree(), "file");
	const line = fc.oneof(
		fc.string({ unit: "grapheme" }),
		fc
			.tuple(fc.constantFrom("a", "é", "🙂"), fc.integer({ min: 80_000, max: 300_000 }))
			.map(([text, times]) => text.repeat(times)),
	);
	fc.assert(
		fc.property(fc.array(line, { maxLength: 12 }), line, (lines, rest) => {
			writeFileSync(file, `${lines.map((text) => `${text}\n`).join("")}${rest}`);
			expect(linesOf(file)).toEqual({ texts: lines, rest });
		}),
		law(200),
	);
});

test("returns the beginning of a line without parts of the next", () => {
	const file = join(tempTree({ file: "abcdef\nxy\n" }), "file");
	expect([...readLines(file)].length).toBe(2);
	const heads = [];
	for (const line of readLines(file)) heads.push(line.head(4));
	expect(heads).toEqual(["abcd", "xy"]);
});

test("reports a missing file", () => {
	expect(() => [...readLines(join(tempTree(), "none"))]).toThrow(/does not exist/);
});
