import { join } from "node:path";
import { linesOf, parseRow, readIndex, readRunFile, readSummary, rowKey, wholeLines } from "../eval/discover-evals.ts";
import { readRecordText, recordPath } from "../eval/run-digest.ts";
import { largestFigure } from "../format/codec.ts";
import {
	errorCauses,
	executionStatuses,
	type ResultRow,
	type RowError,
	type RowScore,
	type RunFile,
	type RunSummary,
} from "../format/run-file.ts";
import { type TalliedRow, testsNotRun } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { readJson } from "../lib/json.ts";
import { expectShortLived } from "../machine/environment.ts";
import { fileStamp, targetKind } from "../machine/files.ts";
import { isLocked } from "../machine/lock.ts";
import { readHead } from "../machine/read-file.ts";

/** A run with all its rows. */
export interface RunReading {
	/** Absolute. */
	readonly directory: string;
	readonly run: RunFile;
	/** Absent while it has not ended. */
	readonly summary?: RunSummary;
	/** In the order in which they finished; of an attempt that was run again only the last. */
	readonly rows: readonly ResultRow[];
}

/** A run whose rows stay on disk. */
export interface OpenRun extends Omit<RunReading, "rows"> {
	readonly rows: StoredRows;
}

/** Opens a run of any size. A last line that a crash cut off is passed by. @throws AgentvError `not-found`, `config` */
export function openRun(directory: string): OpenRun {
	expectShortLived();
	const run = readRunFile(directory);
	const summary = readSummary(directory);
	return { directory, run, rows: new StoredRows(directory), ...(summary ? { summary } : {}) };
}

/** Reads a run. A last line that a crash cut off is passed by. @throws AgentvError `not-found`, `config` */
export function readRun(directory: string): RunReading {
	const run = readRunFile(directory);
	const summary = readSummary(directory);
	return { directory, run, rows: readIndex(directory).rows, ...(summary ? { summary } : {}) };
}

/** Which attempt of a run is meant. */
export interface AttemptId {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** From 1. */
	readonly attempt: number;
}

/** Which attempt a row is of. */
export function attemptOf({ eval: label, testId, target, attempt }: AttemptId): AttemptId {
	return { eval: label, testId, target, attempt };
}

/** Everything recorded about an attempt. */
export interface TestResultReading {
	readonly row: ResultRow;
	/** The attempt's own file as it was written (`input`, `output`, `messages`, `scores`, …). */
	readonly detail: Readonly<Record<string, unknown>>;
	/** Unified diff of what the target changed in the workspace. */
	readonly fileChanges?: string;
}

/** Reads one attempt's file. @throws AgentvError `not-found` where the run has no such attempt, or its file is gone */
export function readTestResult(directory: string, wanted: AttemptId): TestResultReading {
	const row = readIndex(directory).rows.find(
		({ eval: label, testId, target, attempt }) =>
			label === wanted.eval && testId === wanted.testId && target === wanted.target && attempt === wanted.attempt,
	);
	if (!row?.file)
		throw new AgentvError("not-found", `the run has no attempt ${wanted.attempt} of ${JSON.stringify(wanted.testId)}`);
	const text = readRecordText(directory, row.file);
	const read = readJson(text);
	if (!("value" in read) || typeof read.value !== "object" || read.value === null)
		throw new AgentvError("config", `${join(directory, row.file)} is not a JSON object`);
	// A figure such as 1e400, which no record of ours holds, could not be written again.
	const value: unknown = /\de\+?\d{3}/i.test(text) ? JSON.parse(JSON.stringify(read.value)) : read.value;
	const detail = value as Record<string, unknown>;
	const changes = detail.file_changes_shown_path ?? detail.file_changes_path;
	return { row, detail, ...(typeof changes === "string" ? { fileChanges: readRecordText(directory, changes) } : {}) };
}

type TokenUsage = NonNullable<ResultRow["tokenUsage"]>;
type Usage = NonNullable<RowScore["usage"]>;

/** A row as a table shows it: what `index.jsonl` says of an attempt, of its graders only what models that grade used. */
export interface TableRow extends TalliedRow {
	/** The attempt's own file, relative to the run's directory. */
	readonly file: string | undefined;
}

/**
 * The rows of a run in the order in which they finished; of an attempt that was run again only the last. Quick and small, for tables and
 * averages: `readRun` reads all there is.
 */
export function readRunTable(directory: string): readonly TableRow[] {
	const rows = new Map<string, TableRow>();
	for (const line of wholeLines(join(directory, "index.jsonl"))) {
		const read = readJson(line);
		const row = "value" in read ? tableRow(read.value) : undefined;
		if (!row) continue;
		const key = rowKey(row);
		rows.delete(key);
		rows.set(key, row);
	}
	return [...rows.values()];
}

function tableRow(value: unknown): TableRow | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const wire = value as Record<string, unknown>;
	const {
		test_id,
		eval: label,
		target,
		attempt,
		score,
		threshold,
		execution_status,
		duration_ms,
		token_usage,
		cost_usd,
		file,
	} = wire;
	const status = executionStatuses.find((one) => one === execution_status);
	if (typeof test_id !== "string" || typeof label !== "string" || typeof target !== "string" || !status)
		return undefined;
	return {
		testId: test_id,
		eval: label,
		target,
		attempt: number(attempt) ?? 1,
		executionStatus: status,
		score: number(score) ?? 0,
		threshold: number(threshold) ?? 0,
		durationMs: number(duration_ms) ?? 0,
		tokenUsage: tokenUsage(token_usage),
		costUsd: number(cost_usd),
		scores: graderUsages(wire.scores),
		error: rowError(wire.error),
		file: typeof file === "string" ? file : undefined,
	};
}

function tokenUsage(value: unknown): TokenUsage | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { input, output, cached, reasoning } = value as Record<string, unknown>;
	return {
		...{ input: number(input) ?? 0, output: number(output) ?? 0 },
		...{ cached: number(cached) ?? 0, reasoning: number(reasoning) ?? 0 },
	};
}

function graderUsages(scores: unknown): { readonly usage: Usage }[] {
	if (!Array.isArray(scores)) return [];
	return scores.flatMap((score: Record<string, unknown> | null) => {
		const usage = score?.usage;
		if (typeof usage !== "object" || usage === null) return [];
		const { target, token_usage, cost_usd } = usage as Record<string, unknown>;
		const costUsd = number(cost_usd);
		const tokens = tokenUsage(token_usage);
		return [
			{
				usage: {
					target: typeof target === "string" ? target : "",
					...(tokens ? { tokenUsage: tokens } : {}),
					...(costUsd === undefined ? {} : { costUsd }),
				},
			},
		];
	});
}

function number(value: unknown): number | undefined {
	return typeof value === "number" && value >= 0 && value <= largestFigure ? value : undefined;
}

function rowError(value: unknown): RowError | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { stage, code, message, caused_by } = value as Record<string, unknown>;
	const cause = errorCauses.find((one) => one === caused_by);
	return {
		...{ stage: String(stage ?? ""), code: String(code ?? ""), message: String(message ?? "") },
		...(cause ? { causedBy: cause } : {}),
	};
}

/** Texts that change with what a run's directory records: its description, its summary, its rows. */
export function runStamps(directory: string): { readonly run: string | undefined; readonly rows: string | undefined } {
	const run = fileStamp(join(directory, "run.json"));
	const summary = fileStamp(join(directory, "summary.json"));
	return { run: run && `${run}; ${summary ?? ""}`, rows: fileStamp(join(directory, "index.jsonl")) };
}

/** Whether a process is at work on the run in `directory`. */
export function isRunUnderWay(directory: string): boolean {
	return targetKind(directory) === "directory" && isLocked(directory, { lockDirectory: directory });
}

/**
 * The first `maxBytes` of a file that a run's records name, relative to its directory; undefined where it is gone.
 * @throws AgentvError `refused` where it leads out of that directory
 */
export function readRecordHead(
	directory: string,
	path: string,
	maxBytes: number,
): { readonly text: string; readonly cut: boolean; readonly size: number } | undefined {
	return readHead(recordPath(directory, path), maxBytes);
}

/** What a glance at each line of `index.jsonl` tells. Lines are numbered from 1. */
interface IndexGlance {
	/** How many whole lines there are. */
	readonly lines: number;
	/** Rows of attempts that were run again later. */
	readonly superseded: ReadonlySet<number>;
	/** Lines that are no rows; those that are broken further on are not seen. */
	readonly bad: ReadonlySet<number>;
}

/** Finds the rows that later ones supersede. Keeps a number for each line, not its key: a run may have a hundred thousand of them. */
function glanceAtIndex(directory: string): IndexGlance {
	const file = join(directory, "index.jsonl");
	const bad = new Set<number>();
	const numbers: number[] = [];
	for (const line of linesOf(file)) {
		const key = keyAtGlance(line.head(mostOfBeginning)) ?? keyOf(line.text());
		numbers.push(key === undefined ? Number.NaN : numberOf(key));
		if (key === undefined) bad.add(numbers.length);
	}
	const twice = thoseTwice(numbers);
	return { lines: numbers.length, bad, superseded: twice.size === 0 ? twice : supersededAmong(file, numbers, twice) };
}

/** Equal numbers are mostly, but not always, of equal keys: here the keys decide. */
function supersededAmong(file: string, numbers: readonly number[], twice: ReadonlySet<number>): Set<number> {
	const superseded = new Set<number>();
	const last = new Map<string, number>();
	let number = 0;
	for (const line of linesOf(file)) {
		const known = numbers[number];
		if (known === undefined) break;
		number += 1;
		const key = twice.has(known) ? keyOf(line.text()) : undefined;
		if (key === undefined) continue;
		const before = last.get(key);
		if (before !== undefined) superseded.add(before);
		last.set(key, number);
	}
	return superseded;
}

function thoseTwice(numbers: readonly number[]): Set<number> {
	const sorted = Float64Array.from(numbers).sort();
	return new Set(sorted.filter((number, index) => number === sorted[index + 1]));
}

/** How lines of ours begin: which attempt a line records can be told without reading the rest of it. */
const beginning =
	/^\{"timestamp":"[^"\\]*","test_id":("[^"\\]*"),"eval":("[^"\\]*"),"target":("[^"\\]*"),"attempt":(\d{1,9}),/;
const mostOfBeginning = 512;

/** Equal to `rowKey`; undefined for lines that begin otherwise. */
function keyAtGlance(text: string): string | undefined {
	const found = beginning.exec(text);
	return found ? `[${found[2]},${found[1]},${found[3]},${found[4]}]` : undefined;
}

function keyOf(text: string): string | undefined {
	const row = parseRow(text);
	return row && rowKey(row);
}

/** Two FNV-1a hashes as one whole number of 53 bits. */
function numberOf(key: string): number {
	let [one, two] = [0x811c9dc5, 0x1b873593];
	for (let index = 0; index < key.length; index += 1) {
		const code = key.charCodeAt(index);
		one = Math.imul(one ^ code, 0x01000193);
		two = Math.imul(two ^ code, 0x01000193) ^ (one >>> 7);
	}
	return (two >>> 11) * 2 ** 32 + (one >>> 0);
}

/** A row with the line of JSON that records it. */
export interface RecordedRow {
	readonly row: ResultRow;
	readonly text: string;
}

/**
 * The rows of a run, in the order in which they finished; of an attempt that was run again only the last. They stay on disk: walking them
 * reads them anew, so that a run of any size takes little memory. What is appended after opening is not seen.
 */
export class StoredRows implements Iterable<ResultRow> {
	readonly #file: string;
	readonly #glance: IndexGlance;
	readonly #bad: Set<number>;
	/** How many rows there are; lines that are broken further on are counted, too. */
	readonly count: number;

	constructor(directory: string) {
		this.#file = join(directory, "index.jsonl");
		this.#glance = glanceAtIndex(directory);
		const { lines, bad, superseded } = this.#glance;
		this.#bad = new Set(bad);
		this.count = lines - bad.size - superseded.size;
	}

	*[Symbol.iterator](): Generator<ResultRow> {
		for (const { row } of this.recorded()) yield row;
	}

	*recorded(): Generator<RecordedRow> {
		let line = 0;
		for (const text of wholeLines(this.#file)) {
			if (line === this.#glance.lines) return;
			line += 1;
			if (this.#glance.superseded.has(line)) continue;
			const row = parseRow(text);
			if (row) yield { row, text };
			else this.#bad.add(line);
		}
	}

	/** Numbers (from 1) of lines that are no rows; complete once the rows were walked. */
	get badLines(): readonly number[] {
		return [...this.#bad].sort((a, b) => a - b);
	}
}

/** Returns whether a run is finished: every planned test has a result. */
export function isFinished(summary: RunSummary | undefined): summary is RunSummary {
	return summary !== undefined && testsNotRun(summary) === 0;
}
