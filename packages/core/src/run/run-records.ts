import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { redactDeep } from "../base/redact.ts";
import { safeName } from "../base/slug.ts";
import { type AppendFile, openAppendFile } from "../io/files/append-file.ts";
import { digestText } from "../io/files/digest-tree.ts";
import { makeOwnDirectory } from "../io/files/own-files.ts";
import { writeAtomic } from "../io/files/write-atomic.ts";
import { removeFile } from "../io/files/write-note.ts";
import { digestName, syncRecord, writeRunDigest } from "../model/run-digest.ts";
import { runFileText } from "../model/run-file-text.ts";
import type { StageLog } from "../schema/attempt-file.ts";
import { type ResultRow, type RunSummary, toWireRow, toWireSummary } from "../schema/result-row.ts";
import type { RunFile } from "../schema/run-file.ts";
import { writeAttemptFile } from "./attempt-file.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";
import { LoopTurns } from "./loop-turns.ts";
import { keyOfCase, type PlannedCase, type RunPlan } from "./run-plan.ts";

/**
 * Writes a run's directory. Each row is appended at once, and not joined with others of its turn of the event loop: a test
 * that waits for its neighbours' records starts the next one late, and tests that were answered together would stay together.
 */
export class RunRecords {
	readonly directory: string;
	#index: AppendFile | undefined;
	readonly #plan: RunPlan;
	readonly #made = new Set<string>();
	readonly #turns = new LoopTurns();
	/** Once something could not be written nothing more is: a half row must stay the last one. */
	#failure: AgentvError | undefined;

	/** @param directory ours, which is there */
	constructor(directory: string, plan: RunPlan) {
		this.directory = directory;
		this.#plan = plan;
	}

	/** Opens what attempts are recorded in; a digest of the record so far is void from now on. `run.json` is there already: a directory without it holds no run, whatever else it holds. */
	open(): void {
		removeFile(join(this.directory, digestName));
		makeOwnDirectory(join(this.directory, "tests"));
		this.#index = openAppendFile(join(this.directory, "index.jsonl"));
	}

	/** Where an attempt's file stands, relative to the directory and without ending: derived from the test, never its raw text. */
	stem(one: PlannedCase, attempt: number): string {
		return `tests/${safeName(one.test.id, digestText(keyOfCase(one)).slice(0, 16))}/${attempt}`;
	}

	/** Records an attempt. Resolves to its row, with the digest of its file, when that is with the operating system. */
	async add(one: PlannedCase, attempt: ResultRow, outcome: AttemptOutcome): Promise<ResultRow> {
		if (this.#failure) throw this.#failure;
		const row = this.#record(one, attempt, outcome);
		await this.#turns.taken();
		return row;
	}

	#record(one: PlannedCase, attempt: ResultRow, outcome: AttemptOutcome): ResultRow {
		try {
			const row = { ...attempt, fileSha256: this.#writeFile(one, attempt, outcome) };
			this.#append(row);
			return row;
		} catch (error) {
			const failure = notRecorded(attempt.testId, error);
			// Its row says at least that it is not judged, and what it cost; after a row that was cut off nothing may follow.
			if (!this.#failure) this.#append(notJudged(attempt, failure.message));
			this.#failure ??= failure;
			throw this.#failure;
		}
	}

	#append(row: ResultRow): void {
		try {
			if (!this.#index) throw new AgentvError("internal", "the records are not open");
			this.#index.append(rowLine(row));
		} catch (error) {
			this.#failure = notRecorded(row.testId, error);
			throw this.#failure;
		}
	}

	#writeFile(one: PlannedCase, row: ResultRow, outcome: AttemptOutcome): string {
		const shortStem = row.file?.replace(/\.json$/, "") ?? this.stem(one, row.attempt);
		const directory = shortStem.slice(0, shortStem.lastIndexOf("/"));
		if (!this.#made.has(directory)) {
			makeOwnDirectory(join(this.directory, directory));
			this.#made.add(directory);
		}
		return writeAttemptFile(one, row, outcome, {
			stem: join(this.directory, shortStem),
			shortStem,
			redact: this.#plan.redact,
			secrets: this.#plan.secrets,
		});
	}

	writeRunFile(run: RunFile): void {
		writeAtomic(join(this.directory, "run.json"), runFileText(run, this.#plan.redact));
	}

	/** Ends the record: what the summary counts is on the disk before it is written, and the digest covers all. */
	async seal(summary: RunSummary): Promise<void> {
		await syncRecord(this.directory);
		writeAtomic(join(this.directory, "summary.json"), `${JSON.stringify(toWireSummary(summary), null, 2)}\n`);
		writeRunDigest(this.directory);
	}

	/** Writes what hooks and extensions printed after the last attempt; nothing if they printed nothing. */
	writeLogs(logs: readonly StageLog[]): void {
		if (logs.length === 0) return;
		const text = JSON.stringify({ logs: redactDeep(logs, this.#plan.redact) }, null, 2);
		writeAtomic(join(this.directory, "logs.json"), `${text}\n`);
	}

	close(): void {
		this.#index?.close();
	}
}

/** The row of an attempt whose own file could not be written. */
function notJudged({ file: _, ...attempt }: ResultRow, message: string): ResultRow {
	const error = { stage: "record", code: "not-recorded", message };
	return { ...attempt, score: 0, executionStatus: "execution_error", error };
}

function notRecorded(testId: string, error: unknown): AgentvError {
	if (!(error instanceof AgentvError)) throw error;
	return new AgentvError(
		"not-runnable",
		`the result of ${JSON.stringify(testId)} could not be recorded: ${error.message}`,
		{
			cause: error,
			hint: "What had finished before is on disk: mend this, then go on with --resume.",
		},
	);
}

/** A row as it stands in `index.jsonl`, its line end included. */
function rowLine(row: ResultRow): string {
	return `${JSON.stringify(toWireRow(row))}\n`;
}
