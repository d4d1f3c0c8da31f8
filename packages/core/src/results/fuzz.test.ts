import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inputWatch, law } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readAttempt } from "../eval/run-digest.ts";
import { AgentvError } from "../lib/errors.ts";
import { mutatedJson } from "../lib/testing/mutated-json.ts";
import { readComparedRun } from "./case-scores.ts";
import { readRun, readRunTable } from "./read-run.ts";
import { fileOf, recordedRun } from "./testing/tampered-run.ts";
import { verifyRun } from "./verify-run.ts";

/** Reads records with each function that commands and Studio use. */
function read(directory: string): unknown[] {
	const run = tried(() => readRun(directory));
	const rows = run instanceof AgentvError ? [] : run.rows.slice(0, 3);
	const others: readonly (() => unknown)[] = [() => readRunTable(directory), () => readComparedRun(directory)];
	const details = rows.map((row) => () => readAttempt(directory, row.file ?? ""));
	return [run, ...[...others, ...details].map((one) => tried(one))];
}

function tried<T>(work: () => T): T | AgentvError {
	try {
		return work();
	} catch (error) {
		if (error instanceof AgentvError) return error;
		throw error;
	}
}

test.for([
	["index.jsonl", 5000],
	["attempt", 5000],
	["run.json", 2500],
	["summary.json", 2500],
] as const)(
	"quickly reads or refuses any content in %s (%i texts), and can write what it read",
	{ timeout: 900_000 },
	async ([name, count]) => {
		const directory = await recordedRun();
		const file = name === "attempt" ? fileOf(directory, "used") : join(directory, name);
		const sound = readFileSync(file, "utf8");
		const watch = inputWatch();
		let rounds = 0;
		await fc.assert(
			fc.asyncProperty(mutatedJson(sound), async (text) => {
				writeFileSync(file, text);
				for (const result of watch.look(text, () => read(directory))) expectWritable(result);
				// Verifying reads every file, which is too slow for each text.
				if (rounds++ % 50 !== 0) return;
				const verified = await verifyRun(directory).catch((error: unknown) => error);
				if (!(verified instanceof AgentvError)) expectWritable(verified);
			}),
			law(count),
		);
		console.log(`${name}: the slowest took ${watch.slowest.ms} ms, memory grew by ${watch.grownMb()} MB.`);
		expect(watch.slowest).toMatchObject({ ms: expect.toSatisfy((ms: number) => ms < 2000) });
		expect(watch.grownMb()).toBeLessThan(500);
	},
);

/**
 * Checks that an error names a file, and that a result contains no number that JSON can't express.
 */
function expectWritable(result: unknown): void {
	if (result instanceof AgentvError) {
		expect(["config", "not-found", "refused"]).toContain(result.code);
		expect(result.message).toMatch(/\/|attempt|run/);
		return;
	}
	JSON.stringify(result, (_, value: unknown) => {
		if (typeof value === "number") expect(value).toSatisfy(Number.isFinite);
		return value;
	});
}
