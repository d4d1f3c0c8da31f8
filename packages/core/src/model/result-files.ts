import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { readJson } from "../base/read-json.ts";
import { type FileLine, readLines } from "../io/files/read-lines.ts";
import { readBytes, readTextFile } from "../io/files/read-text.ts";
import { pathKind, targetKind } from "../io/files/stat-path.ts";
import { type ResultRow, type RunSummary, resultRowSchema, runSummarySchema } from "../schema/result-row.ts";
import { type RunFile, runFileSchema } from "../schema/run-file.ts";
import { shapeIssues } from "../schema/shape-issues.ts";

/** The rows of an index, as far as it can be read. */
export interface IndexReading {
	/** In the order of writing; of an attempt that was run again the last row counts. */
	readonly rows: readonly ResultRow[];
	/** Numbers (from 1) of whole lines that are no rows. */
	readonly badLines: readonly number[];
}

/** Reads `index.jsonl` of a run; without one there are no rows. */
export function readIndex(directory: string): IndexReading {
	const rows = new Map<string, ResultRow>();
	const badLines: number[] = [];
	let line = 0;
	for (const text of wholeLines(join(directory, "index.jsonl"))) {
		line += 1;
		const row = parseRow(text);
		if (row) {
			const key = rowKey(row);
			// Taken out first, so that the order is that of the last writing.
			rows.delete(key);
			rows.set(key, row);
		} else badLines.push(line);
	}
	return { rows: [...rows.values()], badLines };
}

/** The lines of a file that have their end, without it; returns what comes after the last of them. A missing file has none. */
export function* wholeLines(path: string): Generator<string, string> {
	const lines = linesOf(path);
	let next = lines.next();
	for (; !next.done; next = lines.next()) yield next.value.text();
	return next.value;
}

/** Like `wholeLines`, for those who do not need all of each line. */
export function* linesOf(path: string): Generator<FileLine, string> {
	return pathKind(path) === "missing" ? "" : yield* readLines(path);
}

/** Names an attempt within its run. */
export function rowKey({
	eval: label,
	testId,
	target,
	attempt,
}: Pick<ResultRow, "eval" | "testId" | "target" | "attempt">): string {
	return JSON.stringify([label, testId, target, attempt]);
}

/** The row that a line records; `undefined` where it is none. */
export function parseRow(text: string): ResultRow | undefined {
	const read = readJson(text);
	const parsed = "value" in read ? resultRowSchema.safeParse(read.value) : undefined;
	return parsed?.success ? parsed.data : undefined;
}

/** `run.json` of a run. @throws AgentvError `not-found` where the directory holds no run, `config` where it can't be read */
export function readRunFile(directory: string): RunFile {
	const file = join(directory, "run.json");
	if (pathKind(file) === "missing") throw new AgentvError("not-found", `${directory} holds no run`);
	const what = `${file} can't be read as the record of a run`;
	const read = readJson(readTextFile(file, { maxBytes: 2 ** 29 }));
	if (!("value" in read)) throw new AgentvError("config", `${what}: it is not JSON: ${read.reason}`);
	const parsed = runFileSchema.safeParse(read.value);
	if (parsed.success) return parsed.data;
	const [first] = shapeIssues(parsed.error, read.value);
	throw new AgentvError("config", first ? `${what}: ${first.path.join(".")}: ${first.message}` : what);
}

/** `summary.json` of a run; `undefined` where it has not ended yet, or the file is no summary. */
export function readSummary(directory: string): RunSummary | undefined {
	const file = join(directory, "summary.json");
	if (targetKind(file) !== "file") return undefined;
	const read = readJson(readBytes(file).toString());
	const parsed = "value" in read ? runSummarySchema.safeParse(read.value) : undefined;
	return parsed?.success ? parsed.data : undefined;
}
