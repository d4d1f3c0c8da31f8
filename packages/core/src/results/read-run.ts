import { join } from "node:path";
import { linesOf, parseRow, readIndex, readRunFile, readSummary, rowKey, wholeLines } from "../eval/discover-evals.ts";
import { recordPath } from "../eval/run-digest.ts";
import {
	fingerprintParts,
	type ResultRow,
	type RunFile,
	type RunSummary,
	type TableRow,
	tableRowSchema,
} from "../format/run-file.ts";
import { readJson } from "../lib/json.ts";
import { expectShortLived } from "../machine/environment.ts";
import { fileStamp } from "../machine/files.ts";
import { readHead } from "../machine/read-file.ts";

export interface RunReading {
	/** Absolute. */
	readonly directory: string;
	readonly run: RunFile;
	/** Absent until the run has ended. */
	readonly summary?: RunSummary;
	/** In completion order; for an attempt that was run again only the last one. */
	readonly rows: readonly ResultRow[];
}

/** A run whose rows stay on disk. */
export interface OpenRun extends Omit<RunReading, "rows"> {
	readonly rows: StoredRows;
}

/**
 * Opens a run of any size. A truncated last line is skipped. @throws AgentvError `not-found`,
 * `config`
 */
export function openRun(directory: string): OpenRun {
	expectShortLived();
	const run = readRunFile(directory);
	const summary = readSummary(directory);
	return { directory, run, rows: new StoredRows(directory), ...(summary ? { summary } : {}) };
}

/** Reads a run. A truncated last line is skipped. @throws AgentvError `not-found`, `config` */
export function readRun(directory: string): RunReading {
	const run = readRunFile(directory);
	const summary = readSummary(directory);
	return { directory, run, rows: readIndex(directory).rows, ...(summary ? { summary } : {}) };
}

export interface AttemptId {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** 1-based. */
	readonly attempt: number;
}

export function attemptOf({ eval: label, testId, target, attempt }: AttemptId): AttemptId {
	return { eval: label, testId, target, attempt };
}

/**
 * Yields the rows in writing order with the fields that tables and comparisons need: several times
 * as fast and small as whole rows.
 * @param badLines gets the 1-based numbers of invalid lines
 */
export function* tableRows(directory: string, badLines: number[] = []): Generator<TableRow> {
	const texts = new Map<string, string>();
	/** Returns one copy of a repeated text. */
	const shared = (text: string): string => {
		const known = texts.get(text) ?? text;
		texts.set(known, known);
		return known;
	};
	let line = 0;
	for (const text of wholeLines(join(directory, "index.jsonl"))) {
		line += 1;
		const read = readJson(text);
		const { data: row } = tableRowSchema.safeParse("value" in read ? read.value : undefined);
		if (!row) badLines.push(line);
		else {
			row.eval = shared(row.eval);
			row.target = shared(row.target);
			for (const part of fingerprintParts) if (row.fingerprint) row.fingerprint[part] = shared(row.fingerprint[part]);
			yield row;
		}
	}
}

/** Returns the rows of `tableRows`, for an attempt that was run again only the last one. */
export function readRunTable(directory: string): readonly TableRow[] {
	const rows = new Map<string, TableRow>();
	for (const row of tableRows(directory)) {
		const key = rowKey(row);
		rows.delete(key);
		rows.set(key, row);
	}
	return [...rows.values()];
}

/** Returns texts that change with the record's description, summary and rows. */
export function runStamps(directory: string): { readonly run: string | undefined; readonly rows: string | undefined } {
	const run = fileStamp(join(directory, "run.json"));
	const summary = fileStamp(join(directory, "summary.json"));
	return { run: run && `${run}; ${summary ?? ""}`, rows: fileStamp(join(directory, "index.jsonl")) };
}

/**
 * Returns the first `maxBytes` of a file from a run's records, relative to its directory; undefined
 * if missing.
 * @throws AgentvError `refused` if it is outside that directory
 */
export function readRecordHead(
	directory: string,
	path: string,
	maxBytes: number,
): { readonly text: string; readonly cut: boolean; readonly size: number } | undefined {
	return readHead(recordPath(directory, path), maxBytes);
}

/** The beginning of our lines identifies the attempt without parsing the rest. */
const beginning =
	/^\{"timestamp":"[^"\\]*","test_id":("[^"\\]*"),"eval":("[^"\\]*"),"target":("[^"\\]*"),"attempt":(\d{1,9}),/;
const maxBeginning = 512;

/** Equal to `rowKey`; undefined for lines that begin differently. */
function keyOfBeginning(text: string): string | undefined {
	const found = beginning.exec(text);
	return found ? `[${found[2]},${found[1]},${found[3]},${found[4]}]` : undefined;
}

function keyOf(text: string): string | undefined {
	const row = parseRow(text);
	return row && rowKey(row);
}

/** A row with its line of JSON. */
export interface RecordedRow {
	readonly row: ResultRow;
	readonly text: string;
}

/**
 * The rows of a run in completion order; for an attempt that was run again only the last one. They
 * stay on disk: each iteration reads them again, so that a run of any size needs little memory.
 * Rows that are appended after opening are not seen.
 */
export class StoredRows implements Iterable<ResultRow> {
	readonly #file: string;
	#lines = 0;
	/** Lines of attempts that were run again later. */
	readonly #superseded = new Set<number>();
	readonly #bad = new Set<number>();
	/** Number of rows, including lines that are only invalid after their beginning. */
	readonly count: number;

	constructor(directory: string) {
		this.#file = join(directory, "index.jsonl");
		const last = new Map<string, number>();
		for (const line of linesOf(this.#file)) {
			this.#lines += 1;
			const key = keyOfBeginning(line.head(maxBeginning)) ?? keyOf(line.text());
			if (key === undefined) {
				this.#bad.add(this.#lines);
				continue;
			}
			const before = last.get(key);
			if (before !== undefined) this.#superseded.add(before);
			last.set(key, this.#lines);
		}
		this.count = last.size;
	}

	*[Symbol.iterator](): Generator<ResultRow> {
		for (const { row } of this.recorded()) yield row;
	}

	*recorded(): Generator<RecordedRow> {
		let line = 0;
		for (const text of wholeLines(this.#file)) {
			if (line === this.#lines) return;
			line += 1;
			if (this.#superseded.has(line)) continue;
			const row = parseRow(text);
			if (row) yield { row, text };
			else this.#bad.add(line);
		}
	}

	/** 1-based numbers of invalid lines; complete once the rows were iterated. */
	get badLines(): readonly number[] {
		return [...this.#bad].sort((a, b) => a - b);
	}
}
