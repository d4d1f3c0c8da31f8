import { mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { law, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { digestText, FileDigests } from "./tree-notes.ts";

/** Ways to write other bytes of the same length to a file, as inconspicuously as possible. */
const writes: Readonly<Record<string, (file: string, text: string) => void>> = {
	"in place": (file, text) => writeFileSync(file, text),
	"by a rename": (file, text) => {
		writeFileSync(`${file}.new`, text);
		renameSync(`${file}.new`, file);
	},
	"with the previous time": (file, text) => {
		writeFileSync(file, text);
		utimesSync(file, 1, 1);
	},
};

test("notices every write, even an immediate one with an unchanged time", () => {
	const file = join(tempTree({ a: "0" }), "a");
	utimesSync(file, 1, 1);
	const digests = new FileDigests();
	const step = fc.record({ how: fc.constantFrom(...Object.values(writes)), digit: fc.nat(9), looks: fc.nat(2) });
	fc.assert(
		fc.property(fc.array(step), (steps) => {
			for (const { how, digit, looks } of steps) {
				how(file, String(digit));
				for (let look = 0; look <= looks; look++) expect(digests.of(file)).toBe(digestText(readFileSync(file)));
			}
		}),
		law(200),
	);
});

test("does not read an unchanged file again", async () => {
	const file = join(tempTree({ a: "one" }), "a");
	await new Promise((done) => setTimeout(done, 150));
	const digests = new FileDigests();
	const before = digests.of(file);
	const started = performance.now();
	for (let look = 0; look < 10_000; look++) digests.of(file);
	expect(performance.now() - started).toBeLessThan(1000);
	writeFileSync(file, "two");
	expect(digests.of(file)).not.toBe(before);
});

test("returns a word instead of a digest for an unreadable file", () => {
	const root = tempTree({ a: "" });
	const digests = new FileDigests();
	expect(digests.of(join(root, "none"))).toBe("missing");
	expect(digests.of(join(root, "a/below"))).toBe("missing");
	mkdirSync(join(root, "directory"));
	expect(digests.of(join(root, "directory"))).toBe("unreadable");
	expect(digests.of(join(root, "a"))).toBe(digestText(""));
	rmSync(join(root, "a"));
	expect(digests.of(join(root, "a"))).toBe("missing");
});
