import { join } from "node:path";
import { parseRow, rowKey, wholeLines } from "../eval/discover-evals.ts";
import type { ResultRow, RunFile } from "../format/run-file.ts";
import { checkAttemptRecord } from "../grading/attempt-record.ts";
import { AgentvError } from "../lib/errors.ts";
import { canonicalJson } from "../lib/json.ts";
import { listDirectory } from "../machine/directories.ts";
import { pathKind } from "../machine/files.ts";
import { removeFile, writeAtomic } from "../machine/write-file.ts";
import { keyOfRow, plannedByKey } from "./run-plan.ts";

interface Line {
	readonly number: number;
	readonly text: string;
	readonly row: ResultRow;
}

/**
 * The trusted rows of a resumed run: without invalid lines, unplanned tests, duplicates, and rows
 * that do not match their attempt's file. Dropped results run again.
 */
export class SoundIndex {
	/** In writing order; for an attempt that was run again only the last one. */
	readonly rows: readonly ResultRow[];
	/** What was dropped and why, as sentences without a full stop. */
	readonly problems: readonly string[];
	readonly #kept: readonly Line[];
	readonly #isWhole: boolean;
	/** Names of the directories of tests with a row. */
	readonly #folders: ReadonlySet<string | undefined>;

	constructor(
		private readonly directory: string,
		run: RunFile,
	) {
		const problems: string[] = [];
		const { attempts, tail } = readLines(directory, plannedByKey(run), problems);
		const kept: Line[] = [];
		const rows: Line[] = [];
		for (const lines of attempts.values()) {
			const last = lines.findLast(({ row }) => isSound(directory, row));
			if (last) rows.push(last);
			const history = last ? historyOf(lines, last) : [];
			kept.push(...history);
			problems.push(...leftOut(lines, last, history));
		}
		const inOrder = (lines: Line[]) => lines.sort((a, b) => a.number - b.number);
		this.rows = inOrder(rows).map(({ row }) => row);
		this.problems = problems;
		this.#kept = inOrder(kept);
		const files = [...attempts.values()].flatMap((lines) => lines.map(({ row }) => row.file ?? ""));
		this.#folders = new Set(files.map((file) => /^tests\/([^/]+)\/\d+\.json$/.exec(file)?.[1]));
		this.#isWhole = problems.length === 0 && tail === "";
	}

	/** Removes dropped rows, files without a row, and what replaced a test's directory. */
	putRight(): void {
		const index = join(this.directory, "index.jsonl");
		if (!this.#isWhole) writeAtomic(index, this.#kept.map(({ text }) => `${text}\n`).join(""), { noFollow: true });
		const named = new Set(this.#kept.map(({ row }) => row.file));
		const tests = join(this.directory, "tests");
		if (pathKind(tests) !== "directory") return;
		for (const folder of listDirectory(tests)) {
			const path = join(tests, folder);
			if (pathKind(path) === "directory") removeUnnamed(path, `tests/${folder}`, named);
			else if (this.#folders.has(folder) || isTestFolder(folder)) removeFile(path, { recursive: true });
		}
	}
}

/** Recognizes names of test directories by form: their rows can be lost, too. */
function isTestFolder(name: string): boolean {
	return /^([a-z0-9-]+-)?[0-9a-f]{16}$/.test(name);
}

function readLines(directory: string, planned: ReturnType<typeof plannedByKey>, problems: string[]) {
	const attempts = new Map<string, Line[]>();
	const index = join(directory, "index.jsonl");
	const texts = wholeLines(index);
	let number = 1;
	/** A line that is too long is not a row, and a run wrote nothing after it. */
	const line = (): IteratorResult<string, string> => {
		try {
			return texts.next();
		} catch (error) {
			if (!(error instanceof AgentvError)) throw error;
			problems.push(`${index}:${number} and everything after it was skipped: ${error.message}`);
			return { done: true, value: "" };
		}
	};
	let next = line();
	for (; !next.done; number += 1, next = line()) {
		const text = next.value;
		const row = parseRow(text);
		if (!row) {
			problems.push(`${index}:${number} is not a valid row and was skipped`);
			continue;
		}
		const key = keyOfRow(row);
		const most = planned.has(key) ? (planned.get(key)?.count ?? 1) : 0;
		if (row.attempt < 1 || row.attempt > most) {
			problems.push(`${index}:${number} is a row of an unplanned attempt (${nameOf(row)}) and was skipped`);
			continue;
		}
		const lines = attempts.get(rowKey(row));
		if (lines) lines.push({ number, text, row });
		else attempts.set(rowKey(row), [{ number, text, row }]);
	}
	return { attempts, tail: next.value };
}

function isSound(directory: string, row: ResultRow): boolean {
	return checkAttemptRecord(directory, row).problems.length === 0;
}

/** Includes earlier rows that reruns of unsettled or changed attempts left. */
function historyOf(lines: readonly Line[], last: Line): Line[] {
	const kept = [last];
	let next = last;
	for (const line of lines.slice(0, lines.indexOf(last)).reverse()) {
		const isChanged =
			next.row.rerun === "changed" && canonicalJson(next.row.fingerprint) !== canonicalJson(line.row.fingerprint);
		if (isSettled(line.row) && !isChanged) continue;
		kept.push(line);
		next = line;
	}
	return kept.reverse();
}

function isSettled({ executionStatus, error }: ResultRow): boolean {
	return executionStatus !== "execution_error" && error === undefined;
}

function* leftOut(lines: readonly Line[], last: Line | undefined, kept: readonly Line[]): Generator<string> {
	const [first] = lines;
	if (!last && first) {
		yield `the record of ${nameOf(first.row)} is missing or was modified: it runs again`;
		return;
	}
	const isKept = new Set(kept);
	for (const line of lines)
		if (!isKept.has(line)) yield `index.jsonl:${line.number} is a duplicate row of ${nameOf(line.row)} and was skipped`;
}

function nameOf({ testId, target, attempt }: ResultRow): string {
	return `${JSON.stringify(testId)} with ${target}${attempt > 1 ? `, attempt ${attempt}` : ""}`;
}

/** Removes files of attempts without a row. */
function removeUnnamed(folder: string, name: string, named: ReadonlySet<string | undefined>): void {
	for (const file of listDirectory(folder)) {
		const attempt = /^(\d+)\./.exec(file)?.[1];
		const path = join(folder, file);
		if (attempt !== undefined && !named.has(`${name}/${attempt}.json`)) removeFile(path, { recursive: true });
	}
}
