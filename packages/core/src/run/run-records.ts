import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { redactDeep } from "../base/redact.ts";
import { safeName } from "../base/slug.ts";
import { type AppendFile, openAppendFile } from "../io/files/append-file.ts";
import { createDigest, digestText, largestDigested } from "../io/files/digest-tree.ts";
import { makeDirectories } from "../io/files/make-directories.ts";
import { makeOwnDirectory } from "../io/files/own-files.ts";
import { fileSize, pathKind } from "../io/files/stat-path.ts";
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
	/** What `index.jsonl` holds as far as this process knows. */
	#indexDigest = createDigest();
	/** The SHA-256 of every file that was written, by its path. */
	readonly #written = new Map<string, string>();
	#run: RunFile | undefined;
	readonly #plan: RunPlan;
	readonly #turns = new LoopTurns();
	/** Once something could not be written nothing more is: a half row must stay the last one. */
	#failure: AgentvError | undefined;

	/** @param directory ours, which is there */
	constructor(directory: string, plan: RunPlan) {
		this.directory = directory;
		this.#plan = plan;
	}

	/** Opens what attempts are recorded in; a digest of the record so far is void from now on. `run.json` is there already: a directory without it holds no run, whatever else it holds. */
	open(run: RunFile): void {
		this.#run = run;
		removeFile(join(this.directory, digestName));
		makeOwnDirectory(join(this.directory, "tests"));
		const index = join(this.directory, "index.jsonl");
		this.#index = openAppendFile(index);
		this.#indexDigest = createDigest(index);
	}

	/** Makes what records are written to again if something that ran removed it: what comes next is not lost, too. */
	#makeAgain(): void {
		if (!this.#index || !this.#run || this.#index.isInPlace()) return;
		makeDirectories(this.directory);
		this.writeRunFile(this.#run);
		this.#index.close();
		const index = join(this.directory, "index.jsonl");
		// A link or a pipe in its place is not the user's.
		if (["link", "other"].includes(pathKind(index))) removeFile(index);
		this.#index = openAppendFile(index);
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
			this.#makeAgain();
			const row = { ...attempt, fileSha256: this.#writeFile(one, attempt, outcome) };
			this.#append(row);
			return row;
		} catch (error) {
			const failure = notRecorded(attempt.testId, error);
			// Its row says at least that it is not graded, and what it cost; after a row that was cut off nothing may follow.
			if (!this.#failure) this.#append(notJudged(attempt, failure.message));
			this.#failure ??= failure;
			throw this.#failure;
		}
	}

	#append(row: ResultRow): void {
		try {
			if (!this.#index) throw new AgentvError("internal", "the records are not open");
			const line = rowLine(row);
			this.#index.append(line);
			this.#indexDigest.update(line);
		} catch (error) {
			this.#failure = notRecorded(row.testId, error);
			throw this.#failure;
		}
	}

	#writeFile(one: PlannedCase, row: ResultRow, outcome: AttemptOutcome): string {
		const shortStem = row.file?.replace(/\.json$/, "") ?? this.stem(one, row.attempt);
		// Each time: something that ran may have removed it.
		for (const directory of ["tests", shortStem.slice(0, shortStem.lastIndexOf("/"))])
			makeOwnDirectory(join(this.directory, directory));
		return writeAttemptFile(one, row, outcome, {
			stem: join(this.directory, shortStem),
			shortStem,
			redact: this.#plan.redact,
			secrets: this.#plan.secrets,
			onWritten: (path, sha256) => this.#written.set(path, sha256),
		});
	}

	writeRunFile(run: RunFile): void {
		this.#run = run;
		this.#write("run.json", runFileText(run, this.#plan.redact));
	}

	/**
	 * Ends the record: what the summary counts is on the disk before it is written, and the digest covers all.
	 * @returns the failure if a file is not what the run wrote: then there is no digest, which would confirm it
	 */
	async seal(summary: RunSummary): Promise<AgentvError | undefined> {
		this.#makeAgain();
		await syncRecord(this.directory);
		this.#write("summary.json", `${JSON.stringify(toWireSummary(summary), null, 2)}\n`);
		if (this.#index) this.#written.set("index.jsonl", this.#indexDigest.hex());
		const changed = this.#changedOrSealed();
		// Without it the run would be refused; what it says is known.
		if (changed.includes("run.json") && this.#run) this.writeRunFile(this.#run);
		return changed.length > 0 ? changedMeanwhile(this.directory, changed) : undefined;
	}

	/** Writes the digest, unless files were changed; returns their paths. */
	#changedOrSealed(): readonly string[] {
		// A file of holes would take hours to read, and is not what was written.
		const large = [...this.#written.keys()].filter((path) => fileSize(join(this.directory, path)) > largestDigested);
		return large.length > 0 ? large : writeRunDigest(this.directory, this.#written);
	}

	#write(name: string, text: string): void {
		writeAtomic(join(this.directory, name), text, { noFollow: true });
		this.#written.set(name, digestText(text));
	}

	/** Writes what hooks and extensions printed after the last attempt; nothing if they printed nothing. */
	writeLogs(logs: readonly StageLog[]): void {
		if (logs.length === 0) return;
		this.#makeAgain();
		const text = JSON.stringify({ logs: redactDeep(logs, this.#plan.redact) }, null, 2);
		this.#write("logs.json", `${text}\n`);
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

function changedMeanwhile(directory: string, [first, ...more]: readonly string[]): AgentvError {
	const files = more.length === 0 ? `${first} is` : `${first} and ${more.length} more files were`;
	return new AgentvError("not-runnable", `a program of the run changed its record: ${files} modified in ${directory}`, {
		hint: "Continue with --resume: lost tests run again.",
	});
}

function notRecorded(testId: string, error: unknown): AgentvError {
	if (!(error instanceof AgentvError)) throw error;
	return new AgentvError(
		"not-runnable",
		`the result of ${JSON.stringify(testId)} could not be recorded: ${error.message}`,
		{
			cause: error,
			hint: "Earlier results are saved: fix this, then continue with --resume.",
		},
	);
}

/** A row as it stands in `index.jsonl`, its line end included. */
function rowLine(row: ResultRow): string {
	return `${JSON.stringify(toWireRow(row))}\n`;
}
