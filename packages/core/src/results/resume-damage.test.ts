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
/** Damages a run and returns the attempts that must be run again, as `<test> <attempt>`. */
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

/** Replaces a record by other kinds of files. An index that is a link still has its content. */
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
	"a missing attempt file": (directory, pick) => {
		rmSync(ownFile(directory, picked(directory, pick)));
		return [nameOf(picked(directory, pick))];
	},
	"a missing test folder": (directory, pick) => {
		const row = picked(directory, pick);
		rmSync(dirname(ownFile(directory, row)), { recursive: true });
		return [1, 2].map((attempt) => `${row.test_id} ${attempt}`);
	},
	"an empty attempt file": (directory, pick) => {
		truncateSync(ownFile(directory, picked(directory, pick)));
		return [nameOf(picked(directory, pick))];
	},
	"a changed attempt file": (directory, pick) => {
		const file = ownFile(directory, picked(directory, pick));
		writeFileSync(file, readFileSync(file, "utf8").replace('"score":1', '"score":0'));
		return [nameOf(picked(directory, pick))];
	},
	"a changed long answer": (directory) => {
		const row = rowsIn(directory).find(({ test_id }) => test_id === "b") ?? {};
		appendFileSync(ownFile(directory, row).replace(/json$/, "output.txt"), "z");
		return [nameOf(row)];
	},
	"an invalid row": (directory, pick) => editRow(directory, pick, () => ["}{ no row"]),
	"a missing row": (directory, pick) => editRow(directory, pick, () => []),
	"a row with a changed score": (directory, pick) => editRow(directory, pick, (row) => [{ ...row, score: 0.5 }]),
	"a row without its digest": (directory, pick) => editRow(directory, pick, ({ file_sha256: _, ...row }) => [row]),
	"a row without its file": (directory, pick) => editRow(directory, pick, ({ file: _, ...row }) => [row]),
	"a row with another digest": (directory, pick) =>
		editRow(directory, pick, (row) => [{ ...row, file_sha256: "0".repeat(64) }]),
	"a row with the file of another test": (directory, pick) => {
		const other = picked(directory, pick + 1);
		return editRow(directory, pick, (row) => [{ ...row, file: other.file, file_sha256: other.file_sha256 }]);
	},
	"a duplicate row": (directory, pick) => {
		editRow(directory, pick, (row) => [row, row]);
		return [];
	},
	"a second row with other results": (directory, pick) => {
		editRow(directory, pick, (row) => [row, { ...row, score: 0, execution_status: "quality_failure" }]);
		return [];
	},
	"rows of unknown tests and attempts": (directory, pick) => {
		editRow(directory, pick, (row) => [row, { ...row, test_id: "z" }, { ...row, attempt: 3 }, { ...row, eval: "x" }]);
		return [];
	},
	"a truncated last line": (directory) => {
		const index = join(directory, "index.jsonl");
		const last = rowsIn(directory).at(-1);
		truncateSync(index, readFileSync(index).length - 30);
		return [nameOf(last)];
	},
	"more text after the last line": (directory) => {
		appendFileSync(join(directory, "index.jsonl"), '{"torn');
		return [];
	},
	"a missing index": (directory) => {
		const names = rowsIn(directory).map(nameOf);
		rmSync(join(directory, "index.jsonl"));
		return names;
	},
	"an attempt file without a row": (directory, pick) => {
		const file = ownFile(directory, picked(directory, pick));
		cpSync(file, join(dirname(file), "9.json"));
		cpSync(file, join(dirname(file), "9.output.txt"));
		return [];
	},
	"a directory in place of an attempt file": (directory, pick) => {
		const row = picked(directory, pick);
		rmSync(ownFile(directory, row));
		mkdirSync(join(ownFile(directory, row), "inner"), { recursive: true });
		return [nameOf(row)];
	},
	"a link in place of an attempt file": (directory, pick) => {
		const row = picked(directory, pick);
		const file = ownFile(directory, row);
		renameSync(file, join(directory, "moved"));
		symlinkSync(join(directory, "moved"), file);
		return [nameOf(row)];
	},
	"a file in place of a test folder": (directory, pick) => {
		const row = picked(directory, pick);
		rmSync(dirname(ownFile(directory, row)), { recursive: true });
		writeFileSync(dirname(ownFile(directory, row)), "x");
		return [1, 2].map((attempt) => `${row.test_id} ${attempt}`);
	},
	"empty directories": (directory) => {
		mkdirSync(join(directory, "tests/more/inner"), { recursive: true });
		return [];
	},
	"a missing summary": (directory) => {
		rmSync(join(directory, "summary.json"));
		return [];
	},
	"a missing digest": (directory) => {
		rmSync(join(directory, "run.sha256"));
		return [];
	},
	"an executable attempt file": (directory, pick) => {
		chmodSync(ownFile(directory, picked(directory, pick)), 0o755);
		return [];
	},
	"a digest that is not text": (directory) => {
		writeFileSync(join(directory, "run.sha256"), Buffer.from([0xff, 0xfe]));
		return [];
	},
	"an empty digest": (directory) => {
		truncateSync(join(directory, "run.sha256"));
		return [];
	},
	"a summary that is not text": (directory) => {
		writeFileSync(join(directory, "summary.json"), Buffer.from([0xff, 0xfe]));
		return [];
	},
	"no test folders": (directory) => {
		rmSync(join(directory, "tests"), { recursive: true });
		return rowsIn(directory).map(nameOf);
	},
};

/** Kept separate because other damages can't be applied to a pipe. */
const replacements: Readonly<Record<string, Damage>> = {
	"a pipe in place of an attempt file": (directory, pick) => {
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

describe("resuming runs exactly the missing or changed attempts of a run with", () => {
	test.each(Object.entries({ ...damages, ...replacements }))("%s", async (_, damage) => {
		const here = await runTree(files);
		const before = rowsIn(here.runDir);
		const { runId } = readRunFile(here.runDir);
		const again = [...new Set(damage(here.runDir, 4))].sort();
		const kept = before.filter((row) => !again.includes(nameOf(row)));
		// An unreadable index can't be compared.
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
] as const)("refuses to resume a run whose %s was replaced by a %s, and reports its path", async (name, kind) => {
	const here = await runTree(files);
	const path = join(here.runDir, name);
	renameSync(path, `${path}.former`);
	if (kind === "file") writeFileSync(path, "");
	else symlinkSync(`${path}.former`, path);
	await expect(resumed(here)).rejects.toMatchObject({ code: "config", message: expect.stringContaining(path) });
});

test("moves a directory in place of a record next to the run, with a warning", async () => {
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

test("does not compare modes if every file is executable, as on some file systems", async () => {
	const { runDir } = await runTree(files);
	for (const entry of readdirSync(runDir, { recursive: true, withFileTypes: true }))
		if (entry.isFile()) chmodSync(join(entry.parentPath, entry.name), 0o777);
	expect((await verifyRun(runDir)).differences).toEqual([]);
});

test("resuming a complete and unchanged run does not change it", async () => {
	const { root, runDir } = await runTree(files);
	const contents = () =>
		readdirSync(runDir, { recursive: true, withFileTypes: true }).flatMap((entry) =>
			entry.isFile() ? [[entry.name, readFileSync(join(entry.parentPath, entry.name), "utf8")]] : [],
		);
	const before = contents();
	expect((await resumed({ root, runDir })).made).toEqual([]);
	expect(contents()).toEqual(before);
});

test("resuming repairs several kinds of damage together", { timeout: 300_000 }, async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(fc.tuple(fc.constantFrom(...Object.keys(damages)), fc.nat(11)), { minLength: 2, maxLength: 4 }),
			async (chosen) => {
				const here = await runTree(files);
				for (const [name, pick] of chosen) {
					try {
						damages[name]?.(here.runDir, pick);
					} catch (error) {
						// A previous damage may have removed what this one changes.
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
