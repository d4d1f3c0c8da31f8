import { execFileSync } from "node:child_process";
import {
	appendFileSync,
	chmodSync,
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readRunFile } from "../eval/discover-evals.ts";
import { runTree } from "../run/testing/run-fixture.ts";
import { editIndex } from "./testing/tampered-run.ts";
import { verifyRun } from "./verify-run.ts";

const ids = ["a", "b", "c", "d", "e", "f"];
const files = {
	"my.eval.yaml": `tests:\n${ids.map((id) => `  - {id: ${id}, input: hi, repeat: 2, assertions: [{type: contains, value: yes}]}`).join("\n")}\n`,
	"targets.yaml": "targets: [{name: default, provider: replay, fixtures: ./answers.jsonl}]\n",
	"answers.jsonl": ids
		.map((test_id) => JSON.stringify({ test_id, output: test_id === "b" ? `yes ${"x".repeat(70_000)}` : "yes" }))
		.join("\n"),
};

type Row = Record<string, unknown>;
/** Damages a run whose rows are given; says which attempts must be made again, as `<test> <attempt>`. */
type Damage = (directory: string, pick: number) => string[];

const rowsIn = (directory: string): Row[] =>
	readFileSync(join(directory, "index.jsonl"), "utf8")
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line));
const nameOf = (row: Row | undefined) => `${row?.test_id} ${row?.attempt}`;
const picked = (directory: string, pick: number): Row => {
	const rows = rowsIn(directory);
	return rows[pick % rows.length] ?? {};
};
const editRow = (directory: string, pick: number, change: (row: Row) => readonly unknown[]): string[] => {
	let name = "";
	editIndex(directory, (rows) => {
		const row = rows[pick % rows.length] ?? {};
		name = nameOf(row);
		return rows.flatMap((one) => (one === row ? change(one) : [one]));
	});
	return [name];
};
const ownFile = (directory: string, row: Row) => join(directory, String(row.file));

const everyAttempt = ids.flatMap((id) => [`${id} 1`, `${id} 2`]);

/** Puts other things in the place of a record. An index that is a link still says what it said. */
const replaced = (name: string, again: string[]): Readonly<Record<string, Damage>> =>
	Object.fromEntries(
		(["pipe", "link", "dangling link", "empty directory", "directory"] as const).map((kind) => [
			`a ${kind} in place of ${name}`,
			(directory: string) => {
				const path = join(directory, name);
				const original = `${directory}.original-${name}`;
				if (existsSync(path)) renameSync(path, original);
				if (kind === "pipe") execFileSync("mkfifo", [path]);
				else if (kind.endsWith("link")) symlinkSync(kind === "link" ? original : `${original}.none`, path);
				else mkdirSync(kind === "directory" ? join(path, "inner") : path, { recursive: true });
				return kind === "link" ? [] : again;
			},
		]),
	);

const damages: Readonly<Record<string, Damage>> = {
	"an attempt's file that is gone": (directory, pick) => {
		rmSync(ownFile(directory, picked(directory, pick)));
		return [nameOf(picked(directory, pick))];
	},
	"a test's folder that is gone": (directory, pick) => {
		const row = picked(directory, pick);
		rmSync(dirname(ownFile(directory, row)), { recursive: true });
		return [1, 2].map((attempt) => `${row.test_id} ${attempt}`);
	},
	"an attempt's file that is empty": (directory, pick) => {
		truncateSync(ownFile(directory, picked(directory, pick)));
		return [nameOf(picked(directory, pick))];
	},
	"an attempt's file that was changed": (directory, pick) => {
		const file = ownFile(directory, picked(directory, pick));
		writeFileSync(file, readFileSync(file, "utf8").replace('"score":1', '"score":0'));
		return [nameOf(picked(directory, pick))];
	},
	"a long answer that was changed": (directory) => {
		const row = rowsIn(directory).find(({ test_id }) => test_id === "b") ?? {};
		appendFileSync(ownFile(directory, row).replace(/json$/, "output.txt"), "z");
		return [nameOf(row)];
	},
	"a row that is garbage": (directory, pick) => editRow(directory, pick, () => ["}{ no row"]),
	"a row that is gone": (directory, pick) => editRow(directory, pick, () => []),
	"a row whose score was changed": (directory, pick) => editRow(directory, pick, (row) => [{ ...row, score: 0.5 }]),
	"a row without its digest": (directory, pick) => editRow(directory, pick, ({ file_sha256: _, ...row }) => [row]),
	"a row without its file": (directory, pick) => editRow(directory, pick, ({ file: _, ...row }) => [row]),
	"a row with another digest": (directory, pick) =>
		editRow(directory, pick, (row) => [{ ...row, file_sha256: "0".repeat(64) }]),
	"a row with another test's file": (directory, pick) => {
		const other = picked(directory, pick + 1);
		return editRow(directory, pick, (row) => [{ ...row, file: other.file, file_sha256: other.file_sha256 }]);
	},
	"a row that is there twice": (directory, pick) => {
		editRow(directory, pick, (row) => [row, row]);
		return [];
	},
	"a second row that says something else": (directory, pick) => {
		editRow(directory, pick, (row) => [row, { ...row, score: 0, execution_status: "quality_failure" }]);
		return [];
	},
	"rows of unknown tests and attempts": (directory, pick) => {
		editRow(directory, pick, (row) => [row, { ...row, test_id: "z" }, { ...row, attempt: 3 }, { ...row, eval: "x" }]);
		return [];
	},
	"half a last line": (directory) => {
		const index = join(directory, "index.jsonl");
		const last = rowsIn(directory).at(-1);
		truncateSync(index, readFileSync(index).length - 30);
		return [nameOf(last)];
	},
	"more behind the last line": (directory) => {
		appendFileSync(join(directory, "index.jsonl"), '{"torn');
		return [];
	},
	"an index that is gone": (directory) => {
		const names = rowsIn(directory).map(nameOf);
		rmSync(join(directory, "index.jsonl"));
		return names;
	},
	"an attempt's file that no row names": (directory, pick) => {
		const file = ownFile(directory, picked(directory, pick));
		cpSync(file, join(dirname(file), "9.json"));
		cpSync(file, join(dirname(file), "9.output.txt"));
		return [];
	},
	"a directory in place of an attempt's file": (directory, pick) => {
		const row = picked(directory, pick);
		rmSync(ownFile(directory, row));
		mkdirSync(join(ownFile(directory, row), "inner"), { recursive: true });
		return [nameOf(row)];
	},
	"a link in place of an attempt's file": (directory, pick) => {
		const row = picked(directory, pick);
		const file = ownFile(directory, row);
		renameSync(file, join(directory, "moved"));
		symlinkSync(join(directory, "moved"), file);
		return [nameOf(row)];
	},
	"a file in place of a test's folder": (directory, pick) => {
		const row = picked(directory, pick);
		rmSync(dirname(ownFile(directory, row)), { recursive: true });
		writeFileSync(dirname(ownFile(directory, row)), "x");
		return [1, 2].map((attempt) => `${row.test_id} ${attempt}`);
	},
	"empty directories": (directory) => {
		mkdirSync(join(directory, "tests/more/inner"), { recursive: true });
		return [];
	},
	"a summary that is gone": (directory) => {
		rmSync(join(directory, "summary.json"));
		return [];
	},
	"a digest that is gone": (directory) => {
		rmSync(join(directory, "run.sha256"));
		return [];
	},
	"an attempt's file that may be executed": (directory, pick) => {
		chmodSync(ownFile(directory, picked(directory, pick)), 0o755);
		return [];
	},
	"a digest that is not a string": (directory) => {
		writeFileSync(join(directory, "run.sha256"), Buffer.from([0xff, 0xfe]));
		return [];
	},
	"a digest that is empty": (directory) => {
		truncateSync(join(directory, "run.sha256"));
		return [];
	},
	"a summary that is not a string": (directory) => {
		writeFileSync(join(directory, "summary.json"), Buffer.from([0xff, 0xfe]));
		return [];
	},
	"tests that are gone altogether": (directory) => {
		rmSync(join(directory, "tests"), { recursive: true });
		return rowsIn(directory).map(nameOf);
	},
};

/** On their own: other damages can't be done to a pipe. */
const replacements: Readonly<Record<string, Damage>> = {
	"a pipe in place of an attempt's file": (directory, pick) => {
		const row = picked(directory, pick);
		rmSync(ownFile(directory, row));
		execFileSync("mkfifo", [ownFile(directory, row)]);
		return [nameOf(row)];
	},
	...replaced("index.jsonl", everyAttempt),
	...replaced("summary.json", []),
	...replaced("run.sha256", []),
	...replaced("run.sha256.sig", []),
};

async function resumed(here: { readonly root: string; readonly runDir: string }) {
	const run = await runTree({ root: here.root }, { output: here.runDir, resume: true });
	const made = run.events.flatMap((event) =>
		event.type === "attempt-finished" ? [`${event.row.testId} ${event.row.attempt}`] : [],
	);
	return { ...run, made: made.sort() };
}

describe("resuming a run makes again exactly what is missing or was changed, with", () => {
	test.each(Object.entries({ ...damages, ...replacements }))("%s", async (_, damage) => {
		const here = await runTree(files);
		const before = rowsIn(here.runDir);
		const { runId } = readRunFile(here.runDir);
		const again = [...new Set(damage(here.runDir, 4))].sort();
		const kept = before.filter((row) => !again.includes(nameOf(row)));
		// A list of attempts that can't be read leaves nothing to compare.
		const verified = verifyRun(here.runDir).catch((error) => ({ differences: [error] }));
		expect((await verified).differences).not.toEqual([]);
		const run = await resumed(here);
		expect(run.made).toEqual(again);
		expect(run.summary).toMatchObject({ planned: 6, passed: 6 });
		expect((await verifyRun(here.runDir)).differences).toEqual([]);
		const rows = rowsIn(here.runDir);
		expect(rows.map(nameOf).sort()).toEqual(everyAttempt);
		for (const row of kept) expect(rows).toContainEqual(row);
		expect(readRunFile(here.runDir).runId).toBe(runId);
	});
});

test.each([
	["tests", "file"],
	["tests", "link"],
] as const)("a run whose %s became a %s can't be resumed, and says what is in the way", async (name, kind) => {
	const here = await runTree(files);
	const path = join(here.runDir, name);
	renameSync(path, `${path}.former`);
	if (kind === "file") writeFileSync(path, "");
	else symlinkSync(`${path}.former`, path);
	await expect(resumed(here)).rejects.toMatchObject({ code: "config", message: expect.stringContaining(path) });
});

test("a directory in place of a record is kept next to the run, and said", async () => {
	const here = await runTree(files);
	rmSync(join(here.runDir, "summary.json"));
	mkdirSync(join(here.runDir, "summary.json"));
	writeFileSync(join(here.runDir, "summary.json/mine"), "mine");
	const { events } = await resumed(here);
	expect(readFileSync(`${here.runDir}.summary.json/mine`, "utf8")).toBe("mine");
	expect(events).toContainEqual({
		type: "warning",
		message: expect.stringContaining(`it was moved to ${here.runDir}.summary.json`),
	});
});

test("modes are not compared where every file may be executed, as on some file systems", async () => {
	const { runDir } = await runTree(files);
	for (const entry of readdirSync(runDir, { recursive: true, withFileTypes: true }))
		if (entry.isFile()) chmodSync(join(entry.parentPath, entry.name), 0o777);
	expect((await verifyRun(runDir)).differences).toEqual([]);
});

test("a run that is complete and as it was recorded stays as it is when it is resumed", async () => {
	const { root, runDir } = await runTree(files);
	const contents = () =>
		readdirSync(runDir, { recursive: true, withFileTypes: true }).flatMap((entry) =>
			entry.isFile() ? [[entry.name, readFileSync(join(entry.parentPath, entry.name), "utf8")]] : [],
		);
	const before = contents();
	expect((await resumed({ root, runDir })).made).toEqual([]);
	expect(contents()).toEqual(before);
});

test("several such damages in one run are put right together", { timeout: 300_000 }, async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(fc.tuple(fc.constantFrom(...Object.keys(damages)), fc.nat(11)), { minLength: 2, maxLength: 4 }),
			async (chosen) => {
				const here = await runTree(files);
				for (const [name, pick] of chosen) {
					try {
						damages[name]?.(here.runDir, pick);
					} catch (error) {
						// What one damage has taken away another can't change.
						expect(error).toBeInstanceOf(Error);
					}
				}
				await resumed(here);
				expect((await verifyRun(here.runDir)).differences).toEqual([]);
				expect(rowsIn(here.runDir).map(nameOf).sort()).toEqual(everyAttempt);
				expect((await resumed(here)).made).toEqual([]);
			},
		),
		law(150),
	);
});
