import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { readJson } from "../base/read-json.ts";
import { expectShortLived } from "../io/expect-short-lived.ts";
import { readRecordText } from "../model/record-files.ts";
import { readIndex, readRunFile, readSummary } from "../model/result-files.ts";
import type { ResultRow, RunSummary } from "../schema/result-row.ts";
import type { RunFile } from "../schema/run-file.ts";
import { StoredRows } from "./stored-rows.ts";

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
