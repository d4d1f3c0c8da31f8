import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { caseKey, digestName, runFileText, syncRecord, writeRunDigest } from "../eval/run-digest.ts";
import {
	type ResultRow,
	type RunFile,
	type RunSummary,
	type StageLog,
	toWireRow,
	toWireSummary,
} from "../format/run-file.ts";
import { AgentvError } from "../lib/errors.ts";
import { redactDeep } from "../lib/redact.ts";
import { safeName } from "../lib/text.ts";
import { makeDirectories } from "../machine/directories.ts";
import { makeOwnDirectory } from "../machine/environment.ts";
import { fileSize, pathKind } from "../machine/files.ts";
import { createDigest, digestText, largestDigested } from "../machine/tree-notes.ts";
import { type AppendFile, openAppendFile, removeFile, writeAtomic } from "../machine/write-file.ts";
import type { Attempt } from "./attempt.ts";
import { attemptRow, writeAttemptFile } from "./attempt-file.ts";
import type { RunPlan } from "./run-plan.ts";

/**
 * Writes a run's directory. Each row is appended immediately, not batched per turn of the event
 * loop: a test that waits for other records would start the next one late, and tests that finished
 * together would stay together.
 */
export class RunRecords {
	#index: AppendFile | undefined;
	/** The digest of `index.jsonl` as written by this process. */
	#indexDigest = createDigest();
	/** The SHA-256 of every written file, by path. */
	readonly #written = new Map<string, string>();
	#run: RunFile | undefined;
	readonly #turns = new LoopTurns();
	/** After a failed write nothing more is written: a partial row must be the last one. */
	#failure: AgentvError | undefined;

	/** @param directory existing run directory */
	constructor(
		readonly directory: string,
		private readonly plan: RunPlan,
	) {}

	/**
	 * Opens the files for recording attempts, which invalidates an earlier digest. `run.json` must
	 * exist: a directory without it does not contain a run.
	 */
	open(run: RunFile): void {
		this.#run = run;
		removeFile(join(this.directory, digestName));
		makeOwnDirectory(join(this.directory, "tests"));
		const index = join(this.directory, "index.jsonl");
		this.#index = openAppendFile(index);
		this.#indexDigest = createDigest(index);
	}

	/** Recreates records' files that a program removed, so that no result is lost. */
	#makeAgain(): void {
		if (!this.#index || !this.#run || this.#index.isInPlace()) return;
		makeDirectories(this.directory);
		this.writeRunFile(this.#run);
		this.#index.close();
		const index = join(this.directory, "index.jsonl");
		// A link or a pipe there is not the user's.
		if (["link", "other"].includes(pathKind(index))) removeFile(index);
		this.#index = openAppendFile(index);
	}

	/** Returns a relative path without extension, derived from the test, never its raw text. */
	#stem({
		planned: {
			eval: { label },
			test,
			target,
		},
		name,
	}: Attempt): string {
		return `tests/${safeName(test.id, digestText(caseKey(label, test.id, target.target.name)).slice(0, 16))}/${name.attempt}`;
	}

	/** Resolves to the row, with its file's digest, once the operating system has it. */
	async add(attempt: Attempt): Promise<ResultRow> {
		if (this.#failure) throw this.#failure;
		const row = this.#record(attempt);
		await this.#turns.taken();
		return row;
	}

	#record(attempt: Attempt): ResultRow {
		const stem = this.#stem(attempt);
		const written = redactDeep(attemptRow(attempt, `${stem}.json`), this.plan.redact);
		try {
			this.#makeAgain();
			const row = { ...written, fileSha256: this.#writeFile(attempt, written, stem) };
			this.#append(row);
			return row;
		} catch (error) {
			const failure = notRecorded(written.testId, error);
			// Its row at least records the failure and the cost; nothing may follow a partial row.
			if (!this.#failure) this.#append(notJudged(written, failure.message));
			this.#failure ??= failure;
			throw this.#failure;
		}
	}

	#append(row: ResultRow): void {
		try {
			if (!this.#index) throw new AgentvError("internal", "the records are not open");
			const line = `${JSON.stringify(toWireRow(row))}\n`;
			this.#index.append(line);
			this.#indexDigest.update(line);
		} catch (error) {
			this.#failure = notRecorded(row.testId, error);
			throw this.#failure;
		}
	}

	#writeFile(attempt: Attempt, row: ResultRow, shortStem: string): string {
		// Each time, because a program can have removed it.
		for (const directory of ["tests", dirname(shortStem)]) makeOwnDirectory(join(this.directory, directory));
		const { redact, secrets } = this.plan;
		return writeAttemptFile(attempt, row, {
			...{ stem: join(this.directory, shortStem), shortStem, redact, secrets },
			onWritten: (path, sha256) => this.#written.set(path, sha256),
		});
	}

	writeRunFile(run: RunFile): void {
		this.#run = run;
		this.#write("run.json", runFileText(run, this.plan.redact));
	}

	/**
	 * Completes the record: everything that the summary counts is on disk before it is written, and
	 * the digest covers all.
	 * @returns the failure if a file was changed: then there is no digest, which would confirm it
	 */
	async seal(summary: RunSummary): Promise<AgentvError | undefined> {
		this.#makeAgain();
		await syncRecord(this.directory);
		this.#write("summary.json", `${JSON.stringify(toWireSummary(summary), null, 2)}\n`);
		if (this.#index) this.#written.set("index.jsonl", this.#indexDigest.hex());
		const changed = this.#changedOrSealed();
		// Restore it, since resuming needs it and its content is known.
		if (changed.includes("run.json") && this.#run) this.writeRunFile(this.#run);
		return changed.length > 0 ? changedMeanwhile(this.directory, changed) : undefined;
	}

	/** Writes the digest unless files were changed; returns their paths. */
	#changedOrSealed(): readonly string[] {
		// Reading a sparse file would take hours, and it is not what was written.
		const large = [...this.#written.keys()].filter((path) => fileSize(join(this.directory, path)) > largestDigested);
		return large.length > 0 ? large : writeRunDigest(this.directory, this.#written);
	}

	#write(name: string, text: string): void {
		writeAtomic(join(this.directory, name), text, { noFollow: true });
		this.#written.set(name, digestText(text));
	}

	/** Writes the output of hooks and extensions after the last attempt, if any. */
	writeLogs(logs: readonly StageLog[]): void {
		if (logs.length === 0) return;
		this.#makeAgain();
		const text = JSON.stringify({ logs: redactDeep(logs, this.plan.redact) }, null, 2);
		this.#write("logs.json", `${text}\n`);
	}

	close(): void {
		this.#index?.close();
	}
}

/** Returns the row of an attempt whose own file could not be written. */
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

const longestMs = 10;

/** Without turns of the loop, synchronous work would block Ctrl-C, timers and the screen. */
class LoopTurns {
	#last = performance.now();
	#turn: Promise<void> | undefined;

	/** Resolves immediately, or after a turn of the loop if the last one was a while ago. */
	taken(): Promise<void> | undefined {
		if (performance.now() - this.#last < longestMs) return undefined;
		this.#turn ??= setImmediate().then(() => {
			this.#last = performance.now();
			this.#turn = undefined;
		});
		return this.#turn;
	}
}
