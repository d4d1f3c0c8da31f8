import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { caseKey, digestName, runFileText, syncRecord, writeRunDigest } from "../eval/run-digest.ts";
import { encode, toWire } from "../format/codec.ts";
import {
	attemptFileSchema,
	type GradedRecord,
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
import { omitUndefined } from "../lib/json.ts";
import { RedactedStream, type Redactor, redactDeep } from "../lib/redact.ts";
import { safeName } from "../lib/text.ts";
import { makeDirectories } from "../machine/directories.ts";
import { makeOwnDirectory, openOwnFile, writeOwnFile } from "../machine/environment.ts";
import { fileSize, pathKind } from "../machine/files.ts";
import { readChunks } from "../machine/read-file.ts";
import { createDigest, digestFile, digestText, largestDigested } from "../machine/tree-notes.ts";
import { type AppendFile, openAppendFile, removeFile, writeAtomic } from "../machine/write-file.ts";
import type { FileChanges } from "../workspace/contract.ts";
import { type Answer, type AnsweredTurn, type Attempt, inputToWire, skippedTurns } from "./attempt.ts";
import type { RunPlan } from "./run-plan.ts";

/** Appends each row immediately: batching would delay tests that wait for other records. */
export class RunRecords {
	#index: AppendFile | undefined;
	#indexDigest = createDigest();
	readonly #written = new Map<string, string>();
	#run: RunFile | undefined;
	readonly #turns = new LoopTurns();
	/** After a failed write the records stay unchanged: a partial row must be the last one. */
	#failure: AgentvError | undefined;

	constructor(
		readonly directory: string,
		private readonly plan: RunPlan,
	) {}

	/** Invalidates an earlier digest. `run.json` must exist: it makes the directory a run. */
	open(run: RunFile): void {
		this.#run = run;
		removeFile(join(this.directory, digestName));
		makeOwnDirectory(join(this.directory, "tests"));
		const index = join(this.directory, "index.jsonl");
		this.#index = openAppendFile(index);
		this.#indexDigest = createDigest(index);
	}

	/** Recreates files that a program removed, so that no result is lost. */
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

	/** The path has no extension and never contains the test's raw text. */
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

	/** Resolves once the operating system has the row, which contains the digest of its file. */
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
			// The row at least records the failure and the cost.
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
		// Repeated for each attempt, because a program can remove them.
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
	 * Writes the summary after everything that it counts, then the digest.
	 * @returns the failure if a file was changed; a digest would confirm the change
	 */
	async seal(summary: RunSummary): Promise<AgentvError | undefined> {
		this.#makeAgain();
		await syncRecord(this.directory);
		this.#write("summary.json", `${JSON.stringify(toWireSummary(summary), null, 2)}\n`);
		if (this.#index) this.#written.set("index.jsonl", this.#indexDigest.hex());
		const changed = this.#changedOrSealed();
		// Resuming needs this file, and its content is known.
		if (changed.includes("run.json") && this.#run) this.writeRunFile(this.#run);
		return changed.length > 0 ? changedMeanwhile(this.directory, changed) : undefined;
	}

	#changedOrSealed(): readonly string[] {
		// Reading a sparse file could take hours, and it is not what was written.
		const large = [...this.#written.keys()].filter((path) => fileSize(join(this.directory, path)) > largestDigested);
		return large.length > 0 ? large : writeRunDigest(this.directory, this.#written);
	}

	#write(name: string, text: string): void {
		writeAtomic(join(this.directory, name), text, { noFollow: true });
		this.#written.set(name, digestText(text));
	}

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

const maxBlockingMs = 10;

/** Keeps synchronous work from blocking Ctrl-C, timers and the screen. */
class LoopTurns {
	#last = performance.now();
	#turn: Promise<void> | undefined;

	taken(): Promise<void> | undefined {
		if (performance.now() - this.#last < maxBlockingMs) return undefined;
		this.#turn ??= setImmediate().then(() => {
			this.#last = performance.now();
			this.#turn = undefined;
		});
		return this.#turn;
	}
}

/** In characters; longer texts go to separate files. */
const maxInlineLength = 64 * 1024;

interface AttemptFileOptions {
	/** Absolute, without extension: `…/tests/<safe>/<attempt>`. */
	readonly stem: string;
	readonly shortStem: string;
	readonly redact: Redactor;
	readonly secrets: readonly string[];
	/** The path is relative to the run's directory. */
	readonly onWritten: (path: string, sha256: string) => void;
}

/** @param file relative to the run's directory */
function attemptRow(attempt: Attempt, file: string): ResultRow {
	const { planned, name, answer, executionStatus, error, workspacePath, timingsMs, metadata } = attempt;
	return omitUndefined({
		timestamp: new Date().toISOString(),
		...{ testId: name.testId, eval: name.eval, target: name.target, attempt: name.attempt },
		...{ score: round(attempt.score), threshold: planned.threshold, executionStatus },
		scores: attempt.scores.map(rowScore),
		error,
		warnings: attempt.warnings.length > 0 ? [...attempt.warnings] : undefined,
		durationMs: Math.round(attempt.durationMs),
		...{ tokenUsage: answer?.tokenUsage, costUsd: answer?.costUsd },
		...{ stopReason: answer?.stopReason, cached: answer?.cached },
		...{ workspacePath, timingsMs, metadata, fingerprint: attempt.fingerprint, rerun: attempt.rerun, file },
	});
}

function rowScore({ name, type, score, weight, verdict, assertions, usage, ...result }: GraderResult): RowScore {
	return omitUndefined({
		...{ name, type, score: score === null ? null : round(score), weight, verdict, assertions: [...assertions] },
		error: "error" in result ? result.error : undefined,
		veto: "veto" in result ? result.veto : undefined,
		usage,
	});
}

/** Removes rounding errors from sums of fractions. */
function round(score: number): number {
	return Math.round(score * 1e9) / 1e9;
}

/** @returns the JSON file's SHA-256 */
function writeAttemptFile(attempt: Attempt, row: ResultRow, options: AttemptFileOptions): string {
	const side = new SideFiles(options);
	const content = encode(attemptFileSchema, attemptContent(attempt, row, side));
	const shown = redactDeep(content, options.redact);
	// An answer that is graded again comes from a redacted record.
	const isRedacted =
		attempt.isRedacted === true ||
		side.isRedacted ||
		shown["output"] !== content["output"] ||
		shown["messages"] !== content["messages"];
	const text = JSON.stringify({
		...shown,
		...(side.files.length > 0 ? { beside: side.files } : {}),
		...(shown !== content || isRedacted ? { masked: true } : {}),
		...(isRedacted ? { redacted: true } : {}),
	});
	writeOwnFile(`${options.stem}.json`, `${text}\n`);
	const sha256 = digestText(`${text}\n`);
	options.onWritten(`${options.shortStem}.json`, sha256);
	return sha256;
}

function attemptContent(attempt: Attempt, row: ResultRow, side: SideFiles) {
	const { answer, turns, fileChanges, logs, files, repositories } = attempt;
	const { test, assertions } = attempt.planned;
	const { scores: _, tokenUsage, cached, error, warnings, fingerprint, timingsMs, file: __, ...facts } = row;
	const { description, conversationId, criteria, expectedOutput } = test;
	const output = answer && side.output("output.txt", answer);
	const held = {
		turns: turns.map((turn, index) => turnRecord(turn, index + 1, side)),
		...{ aggregation: test.aggregation, unheldTurns: skippedTurns(test, turns.length) },
	};
	return {
		...{ ...facts, error, warnings, description, conversationId, input: inputToWire(attempt.input) },
		...{ criteria, expectedOutput, output: output?.text ?? null, outputPath: output?.path },
		messages: answer && messageRecords(answer, output?.path, side),
		...(turns.length > 0 ? held : {}),
		llmCalls: answer?.llmCalls,
		tries: answer && answer.tries > 1 ? answer.tries : undefined,
		answeredBy: answer && answer.by !== row.target ? answer.by : undefined,
		targetMetadata: answer?.metadata,
		...{
			tokenUsage,
			cached,
			timingsMs,
			assertions: assertions.map(assertionRecord),
			scores: attempt.scores.map(scoreRecord),
		},
		...{ fileChangesPath: null, ...(fileChanges && side.changes("file_changes", fileChanges)) },
		...{ fingerprint, logs: logs.length > 0 ? logs : undefined, files, repositories },
	};
}

function turnRecord(
	{ turn, input, answer, score, scores, fileChanges }: AnsweredTurn,
	number: number,
	side: SideFiles,
) {
	const { text, path } = side.output(`turn-${number}.output.txt`, answer);
	const { messages, durationMs, tokenUsage, costUsd, llmCalls, cached } = answer;
	const { expectedOutput, assertions } = turn;
	return {
		...{ input: inputToWire(input), expectedOutput, output: text ?? null, outputPath: path },
		...{ messageCount: messages.length, durationMs, tokenUsage, costUsd, llmCalls, cached },
		...{ assertions: assertions.map(assertionRecord), score, scores: scores.map(scoreRecord) },
		...(fileChanges && side.changes(`turn-${number}.file_changes`, fileChanges)),
	};
}

function scoreRecord({ parts, usage, ...score }: GraderResult): GradedRecord {
	return { ...score, parts: parts?.map(scoreRecord), usage };
}

function messageRecords({ messages, text: output }: Answer, outputPath: string | undefined, side: SideFiles) {
	return messages.map(({ role, content, parts, toolCalls, durationMs }, index) => {
		const isOutput = content === output && outputPath !== undefined;
		const { text, path } = isOutput ? { path: outputPath } : side.text(`message-${index + 1}.txt`, content);
		return { role, content: text ?? null, contentPath: path, parts: parts?.map(toWire), toolCalls, durationMs };
	});
}

class SideFiles {
	readonly files: { readonly path: string; readonly sha256: string }[] = [];
	isRedacted = false;

	constructor(private readonly options: AttemptFileOptions) {}

	output(name: string, { text, textFile }: Answer): { readonly text?: string; readonly path?: string } {
		return textFile === undefined ? this.text(name, text) : { path: this.#copy(name, textFile) };
	}

	text(name: string, text: string): { readonly text?: string; readonly path?: string } {
		return text.length <= maxInlineLength ? { text } : { path: this.put(name, text) };
	}

	/** Writes changes twice if they differ: for `git apply`, and as graders saw them. */
	changes(name: string, { patch, shown }: FileChanges) {
		const isSame = "text" in patch && patch.text === shown;
		return {
			fileChangesPath: "text" in patch ? this.put(`${name}.diff`, patch.text) : this.#copy(`${name}.diff`, patch.file),
			fileChangesShownPath: isSame ? undefined : this.put(`${name}_shown.diff`, shown),
		};
	}

	/** The path is relative to the run's directory. */
	put(name: string, text: string): string {
		const shown = this.#redact(text);
		writeOwnFile(`${this.options.stem}.${name}`, shown);
		return this.#wrote(name, digestText(shown));
	}

	/** Copies in chunks, since the file is too large for memory; a secret can span two. */
	#copy(name: string, from: string): string {
		const path = `${this.options.stem}.${name}`;
		// An answer that is graded again already has its redacted file.
		if (from === path) return this.#wrote(name, digestFile(path));
		const to = openOwnFile(path);
		const digest = createDigest();
		const write = (text: string) => {
			digest.update(text);
			to.write(text);
		};
		const stream = new RedactedStream(this.options.secrets);
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
		const shown = this.options.redact(text);
		this.isRedacted ||= shown !== text;
		return shown;
	}

	#wrote(name: string, sha256: string): string {
		const path = `${this.options.shortStem}.${name}`;
		this.files.push({ path, sha256 });
		this.options.onWritten(path, sha256);
		return path;
	}
}
