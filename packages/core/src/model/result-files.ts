import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { readJson } from "../base/read-json.ts";
import { type FileLine, readLines } from "../io/files/read-lines.ts";
import { readBytes, readTextFile } from "../io/files/read-text.ts";
import { pathKind, targetKind } from "../io/files/stat-path.ts";
import { type ResultRow, type RunSummary, resultRowSchema, runSummarySchema } from "../schema/result-row.ts";
import { type RunFile, runFileSchema } from "../schema/run-file.ts";
import { shapeIssues } from "../schema/shape-issues.ts";

/** The readable rows of an index. */
export interface IndexReading {
	/** In writing order; for an attempt that was run again the last row counts. */
	readonly rows: readonly ResultRow[];
	/** 1-based numbers of complete lines that are not valid rows. */
	readonly badLines: readonly number[];
}

/** Reads a run's `index.jsonl`; without one there are no rows. */
export function readIndex(directory: string): IndexReading {
	const rows = new Map<string, ResultRow>();
	const badLines: number[] = [];
	let line = 0;
	for (const text of wholeLines(join(directory, "index.jsonl"))) {
		line += 1;
		const row = parseRow(text);
		if (row) {
			const key = rowKey(row);
			// Deleted first, so that the order is that of the last write.
			rows.delete(key);
			rows.set(key, row);
		} else badLines.push(line);
	}
	return { rows: [...rows.values()], badLines };
}

/** Yields complete lines without line breaks; returns the rest. A missing file has none. */
export function* wholeLines(path: string): Generator<string, string> {
	const lines = linesOf(path);
	let next = lines.next();
	for (; !next.done; next = lines.next()) yield next.value.text();
	return next.value;
}

/** Like `wholeLines`, for callers that don't need the whole line. */
export function* linesOf(path: string): Generator<FileLine, string> {
	return pathKind(path) === "missing" ? "" : yield* readLines(path);
}

/** Returns a key for an attempt within its run. */
export function rowKey({
	eval: label,
	testId,
	target,
	attempt,
}: Pick<ResultRow, "eval" | "testId" | "target" | "attempt">): string {
	return JSON.stringify([label, testId, target, attempt]);
}

/** Parses a row; undefined if invalid. */
export function parseRow(text: string): ResultRow | undefined {
	const read = readJson(text);
	const parsed = "value" in read ? resultRowSchema.safeParse(read.value) : undefined;
	return parsed?.success ? parsed.data : undefined;
}

/**
 * Reads a run's `run.json`. @throws AgentvError `not-found` if the directory is not a run, `config`
 * if it is unreadable
 */
export function readRunFile(directory: string): RunFile {
	const file = join(directory, "run.json");
	if (pathKind(file) === "missing") throw new AgentvError("not-found", `${directory} does not contain a run`);
	const what = `${file} is not a valid run record`;
	const read = readJson(readTextFile(file, { maxBytes: 2 ** 29 }));
	if (!("value" in read)) throw new AgentvError("config", `${what}: it is not valid JSON: ${read.reason}`);
	const parsed = runFileSchema.safeParse(read.value);
	if (parsed.success) return parsed.data;
	const [first] = shapeIssues(parsed.error, read.value);
	throw new AgentvError("config", first ? `${what}: ${first.path.join(".")}: ${first.message}` : what);
}

/** Reads a run's `summary.json`; undefined if the run has not ended, or the file is invalid. */
export function readSummary(directory: string): RunSummary | undefined {
	const file = join(directory, "summary.json");
	if (targetKind(file) !== "file") return undefined;
	const read = readJson(readBytes(file).toString());
	const parsed = "value" in read ? runSummarySchema.safeParse(read.value) : undefined;
	return parsed?.success ? parsed.data : undefined;
}
