import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { checkAttemptRecord } from "../grading/attempt-record.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { writeAtomic } from "../io/files/write-atomic.ts";
import { clearPlace } from "../io/files/write-note.ts";
import { caseKey } from "../model/case-key.ts";
import { parseRow, rowKey, wholeLines } from "../model/result-files.ts";
import type { ResultRow } from "../schema/result-row.ts";
import type { RunFile } from "../schema/run-file.ts";

interface Line {
	readonly number: number;
	readonly text: string;
	readonly row: ResultRow;
}

/**
 * The rows of a run that is taken up again, without those that can't be trusted: lines that are no rows, rows of tests that were not
 * planned, second rows, and rows that do not agree with their attempt's file. What they were about is done again.
 */
export class SoundIndex {
	/** In the order of writing; of an attempt that was run again only the last. */
	readonly rows: readonly ResultRow[];
	/** What is left out and why, each as a sentence without a full stop. */
	readonly problems: readonly string[];
	readonly #directory: string;
	readonly #kept: readonly Line[];
	readonly #isWhole: boolean;
	/** Names of the folders of tests that have a row. */
	readonly #folders: ReadonlySet<string | undefined>;

	constructor(directory: string, run: RunFile) {
		this.#directory = directory;
		const problems: string[] = [];
		const { attempts, tail } = readLines(directory, attemptsOf(run), problems);
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

	/**
	 * Makes the files say what `rows` says: what is left out is taken out of the index, and attempts' files without a row are removed, as is
	 * what is in the place of a test's folder.
	 */
	putRight(): void {
		const index = join(this.#directory, "index.jsonl");
		if (!this.#isWhole) writeAtomic(index, this.#kept.map(({ text }) => `${text}\n`).join(""), { noFollow: true });
		const named = new Set(this.#kept.map(({ row }) => row.file));
		const tests = join(this.#directory, "tests");
		if (pathKind(tests) !== "directory") return;
		for (const folder of listDirectory(tests)) {
			const path = join(tests, folder);
			if (pathKind(path) === "directory") removeUnnamed(path, `tests/${folder}`, named);
			else if (this.#folders.has(folder) || isTestFolder(folder)) clearPlace(path);
		}
	}
}

/** Whether a name is of the form that the folders of tests have: the rows that would say so may be gone, too. */
function isTestFolder(name: string): boolean {
	return /^([a-z0-9-]+-)?[0-9a-f]{16}$/.test(name);
}

/** The number of attempts of each planned test, by its key. */
function attemptsOf({ planned, evals }: RunFile): ReadonlyMap<string, number> {
	return new Map(
		planned.map(([of, id, target, repeat]) => [caseKey(evals[of]?.file ?? "", id, target), repeat?.count ?? 1]),
	);
}

function readLines(directory: string, planned: ReadonlyMap<string, number>, problems: string[]) {
	const attempts = new Map<string, Line[]>();
	const index = join(directory, "index.jsonl");
	const texts = wholeLines(index);
	let number = 1;
	/** A line that is too long is not a row, and nothing behind it was written by a run. */
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
		const most = planned.get(caseKey(row.eval, row.testId, row.target)) ?? 0;
		if (row.attempt < 1 || row.attempt > most) {
			problems.push(`${index}:${number} is a row of an unplanned attempt (${nameOf(row)}) and was skipped`);
			continue;
		}
		const key = rowKey(row);
		const lines = attempts.get(key);
		if (lines) lines.push({ number, text, row });
		else attempts.set(key, [{ number, text, row }]);
	}
	return { attempts, tail: next.value };
}

function isSound(directory: string, row: ResultRow): boolean {
	return checkAttemptRecord(directory, row).problems.length === 0;
}

/** The rows of an attempt up to the one that counts, as running it again leaves them: only what is not settled, or has changed, is. */
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

/** Removes the files of attempts that no row names. */
function removeUnnamed(folder: string, name: string, named: ReadonlySet<string | undefined>): void {
	for (const file of listDirectory(folder)) {
		const attempt = /^(\d+)\./.exec(file)?.[1];
		const path = join(folder, file);
		if (attempt !== undefined && !named.has(`${name}/${attempt}.json`)) clearPlace(path);
	}
}
