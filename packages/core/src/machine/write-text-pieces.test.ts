import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { law, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { writeNewFile } from "./write-file.ts";

test("pieces of any size and alphabet result in the same file as the whole text", () => {
	const file = join(tempTree(), "file");
	const piece = fc.oneof(
		fc.string({ unit: "grapheme" }),
		fc
			.tuple(fc.constantFrom("a", "é", "€", "🙂"), fc.integer({ min: 1, max: 100_000 }))
			.map(([text, times]) => text.repeat(times)),
	);
	fc.assert(
		fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
			rmSync(file, { force: true });
			writeNewFile(file, pieces);
			expect(readFileSync(file, "utf8")).toBe(pieces.join(""));
		}),
		law(100),
	);
});
