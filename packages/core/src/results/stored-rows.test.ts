import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { law, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readIndex } from "../eval/discover-evals.ts";
import { StoredRows } from "./read-run.ts";

const wire = {
	...{ timestamp: "2026-01-01T00:00:00Z", test_id: "t", eval: "e", target: "x", attempt: 1, score: 1, threshold: 0.8 },
	...{ execution_status: "ok", scores: [], duration_ms: 1, metadata: { own_key: "kept" } },
};

function stored(text: string): StoredRows {
	const directory = tempTree();
	writeFileSync(join(directory, "index.jsonl"), text);
	return new StoredRows(directory);
}

const names = fc.constantFrom("a", 'q"uote\\', "ünïcode 🙂", "line\nbreak", "", "__proto__");
const rows = fc.record({
	test_id: names,
	eval: names,
	target: names,
	attempt: fc.integer({ min: 1, max: 2 }),
	score: fc.double({ min: 0, max: 1, noNaN: true }),
	/** Reverses the order of the keys, because another program may write them in any order. */
	turned: fc.boolean(),
});

describe("stored rows", () => {
	test("equal the rows of the whole index, in any notation", () => {
		const directory = tempTree();
		fc.assert(
			fc.property(fc.array(rows, { maxLength: 20 }), (some) => {
				const lines = some.map(({ turned, ...row }) => {
					const entries = Object.entries({ ...wire, ...row });
					return JSON.stringify(Object.fromEntries(turned ? entries.reverse() : entries));
				});
				writeFileSync(join(directory, "index.jsonl"), lines.map((line) => `${line}\n`).join(""));
				const read = new StoredRows(directory);
				expect([...read]).toEqual(readIndex(directory).rows);
				expect(read.count).toBe(readIndex(directory).rows.length);
				expect([...read.recorded()].every(({ text }) => lines.includes(text))).toBe(true);
			}),
			law(300),
		);
	});

	test("report the lines that are not rows, and skip a truncated last one", () => {
		const good = JSON.stringify(wire);
		const read = stored(`${good}\nnonsense\n${JSON.stringify({ ...wire, test_id: "u", scores: 1 })}\n{"torn`);
		expect([...read].map(({ testId }) => testId)).toEqual(["t"]);
		expect(read.badLines).toEqual([2, 3]);
	});

	test("are those at the time when the run was opened", () => {
		const directory = tempTree({ "index.jsonl": `${JSON.stringify(wire)}\n` });
		const read = new StoredRows(directory);
		appendFileSync(join(directory, "index.jsonl"), `${JSON.stringify({ ...wire, test_id: "later" })}\n`);
		expect([...read].map(({ testId }) => testId)).toEqual(["t"]);
	});

	test("are empty if no test has finished yet", () => {
		const read = new StoredRows(tempTree());
		expect([[...read], read.count, read.badLines]).toEqual([[], 0, []]);
	});
});
