import { join } from "node:path";
import { digestName, runFileText, syncRecord, writeRunDigest } from "../eval/run-digest.ts";
import { toWire } from "../format/codec.ts";
import {
	type Fingerprint,
	type ResultRow,
	type RowScore,
	type RunFile,
	type RunSummary,
	type StageLog,
	toWireRow,
	toWireSummary,
} from "../format/run-file.ts";
import type { GraderResult } from "../grading/contract.ts";
import { assertionRecord } from "../grading/grade-answer.ts";
import { AgentvError } from "../lib/errors.ts";
import { RedactedStream, type Redactor, redactDeep } from "../lib/redact.ts";
import { safeName } from "../lib/text.ts";
import { makeDirectories } from "../machine/directories.ts";
import { makeOwnDirectory, openOwnFile, writeOwnFile } from "../machine/environment.ts";
import { fileSize, pathKind } from "../machine/files.ts";
import { readChunks } from "../machine/read-file.ts";
import { createDigest, digestFile, digestText, largestDigested } from "../machine/tree-notes.ts";
import { type AppendFile, openAppendFile, removeFile, writeAtomic } from "../machine/write-file.ts";
import type { AnswerMessage } from "../targets/contract.ts";
import type { FileChanges } from "../workspace/contract.ts";
import type { AttemptOutcome, GivenAnswer, TurnOutcome } from "./attempt-outcome.ts";
import { LoopTurns, unheldTurns } from "./conversation.ts";
import type { AttemptName } from "./grade-attempt.ts";
import { inputToWire } from "./recorded-attempt.ts";
import { keyOfCase, type PlannedCase, type RunPlan } from "./run-plan.ts";

/** Longer texts go to separate files. */
const longestInline = 64 * 1024;

export interface AttemptFileOptions {
	/** Absolute path without extension: `…/tests/<safe>/<attempt>`. */
	readonly stem: string;
	/** The stem relative to the run's directory. */
	readonly shortStem: string;
	readonly redact: Redactor;
	/** The redactor's secrets. */
	readonly secrets: readonly string[];
	/** Called for each written file, with its path relative to the run's directory. */
	readonly onWritten: (path: string, sha256: string) => void;
}

/**
 * Writes an attempt's record: its JSON file, and next to it the diff and long texts.
 * @returns the JSON file's SHA-256
 */
function writeAttemptFile(
	one: PlannedCase,
	row: ResultRow,
	outcome: AttemptOutcome,
	options: AttemptFileOptions,
): string {
	const beside = new Beside(options);
	const { answer, fileChanges } = outcome;
	const output = answer && beside.output("output.txt", answer);
	const { scores: _, tokenUsage, cached, error, warnings, fingerprint, timingsMs, file: _file, ...facts } = row;
	const content: AttemptContent = {
		...toWire(facts),
		...(error ? { error: toWire(error) } : {}),
		...(warnings ? { warnings } : {}),
		...(one.test.description === undefined ? {} : { description: one.test.description }),
		...(one.test.conversationId === undefined ? {} : { conversation_id: one.test.conversationId }),
		input: inputToWire(outcome.input),
		...(one.test.criteria === undefined ? {} : { criteria: one.test.criteria }),
		...(one.test.expectedOutput === undefined ? {} : { expected_output: one.test.expectedOutput }),
		output: output?.text ?? null,
		...(output?.path === undefined ? {} : { output_path: output.path }),
		...(answer
			? {
					messages: answer.messages.map((message, index) =>
						messageToWire(message, index, answer.text, output?.path, beside),
					),
				}
			: {}),
		...(outcome.turns ? turnsToWire(outcome.turns, one, beside) : {}),
		...(answer?.llmCalls === undefined ? {} : { llm_calls: answer.llmCalls }),
		...(answer && answer.tries > 1 ? { tries: answer.tries } : {}),
		...(answer && answer.by !== row.target ? { answered_by: answer.by } : {}),
		...(answer?.metadata ? { target_metadata: answer.metadata } : {}),
		...(tokenUsage ? { token_usage: tokenUsage } : {}),
		...(cached ? { cached: toWire(cached) } : {}),
		...(timingsMs ? { timings_ms: timingsMs } : {}),
		assertions: one.assertions.map(assertionRecord),
		scores: outcome.scores.map(scoreToWire),
		file_changes_path: null,
		...(fileChanges === undefined ? {} : beside.changes("file_changes", fileChanges)),
		...(fingerprint ? { fingerprint } : {}),
		...(outcome.logs.length > 0 ? { logs: outcome.logs } : {}),
		...toWire({ files: outcome.files, repositories: outcome.repositories }),
	};
	const shown = redactDeep(content, options.redact);
	// An answer that is graded again comes from a redacted record.
	const isRedacted =
		outcome.isRedacted === true ||
		beside.isRedacted ||
		shown.output !== content.output ||
		shown.messages !== content.messages;
	const text = JSON.stringify({
		...shown,
		...(beside.files.length > 0 ? { beside: beside.files } : {}),
		...(shown !== content || beside.isRedacted || isRedacted ? { masked: true } : {}),
		...(isRedacted ? { redacted: true } : {}),
	});
	writeOwnFile(`${options.stem}.json`, `${text}\n`);
	const sha256 = digestText(`${text}\n`);
	options.onWritten(`${options.shortStem}.json`, sha256);
	return sha256;
}

interface AttemptContent extends Readonly<Record<string, unknown>> {
	readonly output: string | null;
	readonly messages?: readonly unknown[];
}

function turnsToWire(turns: readonly TurnOutcome[], { test }: PlannedCase, beside: Beside): Record<string, unknown> {
	return {
		turns: turns.map(({ input, answer, assertions, expectedOutput, score, scores, fileChanges }, index) => {
			const { text, path } = beside.output(`turn-${index + 1}.output.txt`, answer);
			const { tokenUsage, costUsd, llmCalls, durationMs, cached } = answer;
			return {
				input: inputToWire(input),
				...toWire({ expectedOutput, output: text ?? null, outputPath: path }),
				...toWire({ messageCount: answer.messages.length, durationMs, tokenUsage, costUsd, llmCalls }),
				...(cached ? { cached: toWire(cached) } : {}),
				assertions: assertions.map(assertionRecord),
				...toWire({ score, scores: scores.map(scoreToWire) }),
				...(fileChanges === undefined ? {} : beside.changes(`turn-${index + 1}.file_changes`, fileChanges)),
			};
		}),
		aggregation: test.aggregation,
		unheld_turns: unheldTurns(test, turns.length),
	};
}

function messageToWire(
	{ role, content, parts, toolCalls, durationMs }: AnswerMessage,
	index: number,
	output: string,
	outputPath: string | undefined,
	beside: Beside,
): Record<string, unknown> {
	const rest = {
		...(parts ? { parts: parts.map(toWire) } : {}),
		...(toolCalls ? { tool_calls: toolCalls.map(toWire) } : {}),
		...(durationMs === undefined ? {} : { duration_ms: durationMs }),
	};
	if (content === output && outputPath !== undefined) return { role, content: null, content_path: outputPath, ...rest };
	const { text, path } = beside.text(`message-${index + 1}.txt`, content);
	return { role, content: text ?? null, ...(path === undefined ? {} : { content_path: path }), ...rest };
}

function scoreToWire({ parts, usage, ...score }: GraderResult): Record<string, unknown> {
	return {
		...toWire(score),
		...(parts ? { parts: parts.map(scoreToWire) } : {}),
		...(usage ? { usage: toWire(usage) } : {}),
	};
}

/** Files next to an attempt's own. */
class Beside {
	readonly #options: AttemptFileOptions;
	readonly files: { readonly path: string; readonly sha256: string }[] = [];
	/** Whether a secret was redacted from one of them. */
	isRedacted = false;

	constructor(options: AttemptFileOptions) {
		this.#options = options;
	}

	/** Returns a short text itself, or the path of its file. */
	output(name: string, { text, textFile }: GivenAnswer): { readonly text?: string; readonly path?: string } {
		return textFile === undefined ? this.text(name, text) : { path: this.#copy(name, textFile) };
	}

	/** Like `output`, for any text. */
	text(name: string, text: string): { readonly text?: string; readonly path?: string } {
		return text.length <= longestInline ? { text } : { path: this.put(name, text) };
	}

	/** Writes workspace changes for `git apply`, and as graders saw them; returns their paths. */
	changes(name: string, { patch, shown }: FileChanges): Record<string, string> {
		const isSame = "text" in patch && patch.text === shown;
		return {
			file_changes_path:
				"text" in patch ? this.put(`${name}.diff`, patch.text) : this.#copy(`${name}.diff`, patch.file),
			...(isSame ? {} : { file_changes_shown_path: this.put(`${name}_shown.diff`, shown) }),
		};
	}

	/** Writes a file and returns its path relative to the run's directory. */
	put(name: string, text: string): string {
		const shown = this.#redact(text);
		writeOwnFile(`${this.#options.stem}.${name}`, shown);
		return this.#wrote(name, digestText(shown));
	}

	/** Writes a file that is too large for memory in chunks, which a secret can span. */
	#copy(name: string, from: string): string {
		const path = `${this.#options.stem}.${name}`;
		// An answer that is graded again already has its redacted file.
		if (from === path) return this.#wrote(name, digestFile(path));
		const to = openOwnFile(path);
		const digest = createDigest();
		const write = (text: string) => {
			digest.update(text);
			to.write(text);
		};
		const stream = new RedactedStream(this.#options.secrets);
		try {
			for (const chunk of readChunks(from)) write(stream.push(chunk));
			write(stream.end());
		} finally {
			to.close();
		}
		this.isRedacted ||= stream.isRedacted;
		return this.#wrote(name, digest.hex());
	}

	#redact(text: string): string {
		const shown = this.#options.redact(text);
		this.isRedacted ||= shown !== text;
		return shown;
	}

	#wrote(name: string, sha256: string): string {
		const path = `${this.#options.shortStem}.${name}`;
		this.files.push({ path, sha256 });
		this.#options.onWritten(path, sha256);
		return path;
	}
}

/**
 * Writes a run's directory. Each row is appended immediately, not batched per turn of the event
 * loop: a test that waits for other records would start the next one late, and tests that finished
 * together would stay together.
 */
export class RunRecords {
	readonly directory: string;
	#index: AppendFile | undefined;
	/** The digest of `index.jsonl` as written by this process. */
	#indexDigest = createDigest();
	/** The SHA-256 of every written file, by path. */
	readonly #written = new Map<string, string>();
	#run: RunFile | undefined;
	readonly #plan: RunPlan;
	readonly #turns = new LoopTurns();
	/** After a failed write nothing more is written: a partial row must be the last one. */
	#failure: AgentvError | undefined;

	/** @param directory existing run directory */
	constructor(directory: string, plan: RunPlan) {
		this.directory = directory;
		this.#plan = plan;
	}

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
	stem(one: PlannedCase, attempt: number): string {
		return `tests/${safeName(one.test.id, digestText(keyOfCase(one)).slice(0, 16))}/${attempt}`;
	}

	/** Resolves to the row, with its file's digest, once the operating system has it. */
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
			// Its row at least records the failure and the cost; nothing may follow a partial row.
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
		// Each time, because a program can have removed it.
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
		const text = JSON.stringify({ logs: redactDeep(logs, this.#plan.redact) }, null, 2);
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

/** Returns a row of `index.jsonl`, with its line break. */
function rowLine(row: ResultRow): string {
	return `${JSON.stringify(toWireRow(row))}\n`;
}

/** Returns the row of an attempt, secrets redacted. */
export function attemptRow(
	one: PlannedCase,
	{ eval: label, testId, target, attempt }: AttemptName,
	outcome: AttemptOutcome,
	facts: {
		readonly file: string;
		readonly fingerprint: Fingerprint | undefined;
		readonly timestamp: string;
		readonly isRerun: boolean;
	},
	redact: Redactor,
): ResultRow {
	const { answer, error, warnings, workspacePath } = outcome;
	const row: ResultRow = {
		timestamp: facts.timestamp,
		...{ testId, eval: label, target, attempt },
		score: round(outcome.score),
		threshold: one.threshold,
		executionStatus: outcome.status,
		scores: outcome.scores.map(rowScore),
		...(error ? { error } : {}),
		...(warnings.length > 0 ? { warnings: [...warnings] } : {}),
		durationMs: Math.round(outcome.durationMs),
		...(answer?.tokenUsage ? { tokenUsage: answer.tokenUsage } : {}),
		...(answer?.costUsd === undefined ? {} : { costUsd: answer.costUsd }),
		...(answer?.stopReason === undefined ? {} : { stopReason: answer.stopReason }),
		...(answer?.cached === undefined ? {} : { cached: answer.cached }),
		...(workspacePath === undefined ? {} : { workspacePath }),
		timingsMs: outcome.timings,
		metadata: outcome.metadata,
		...(facts.fingerprint ? { fingerprint: facts.fingerprint } : {}),
		...(facts.isRerun ? { rerun: "changed" as const } : {}),
		file: facts.file,
	};
	return redactDeep(row, redact);
}

function rowScore({ required: _, parts: __, score, assertions, ...result }: GraderResult): RowScore {
	const { name, type, weight, verdict, usage } = result;
	return {
		...{ name, type, score: score === null ? null : round(score), weight, verdict, assertions: [...assertions] },
		...(result.verdict === "not_judged" ? { error: result.error } : result.veto ? { veto: true } : {}),
		...(usage ? { usage } : {}),
	};
}

/** Removes rounding errors from sums of fractions. */
function round(score: number): number {
	return Math.round(score * 1e9) / 1e9;
}
