import { encode, toWire } from "../format/codec.ts";
import { attemptFileSchema, type GradedRecord, type ResultRow, type RowScore } from "../format/run-file.ts";
import type { GraderResult } from "../grading/contract.ts";
import { assertionRecord } from "../grading/grade-answer.ts";
import { omitUndefined } from "../lib/json.ts";
import { RedactedStream, type Redactor, redactDeep } from "../lib/redact.ts";
import { openOwnFile, writeOwnFile } from "../machine/environment.ts";
import { readChunks } from "../machine/read-file.ts";
import { createDigest, digestFile, digestText } from "../machine/tree-notes.ts";
import type { FileChanges } from "../workspace/contract.ts";
import { type Answer, type AnsweredTurn, type Attempt, skippedTurns } from "./attempt.ts";
import { inputToWire } from "./messages.ts";

/** Longer texts go to separate files. */
const longestInline = 64 * 1024;

interface AttemptFileOptions {
	/** Absolute path without extension: `…/tests/<safe>/<attempt>`. */
	readonly stem: string;
	/** The stem relative to the run's directory. */
	readonly shortStem: string;
	readonly redact: Redactor;
	readonly secrets: readonly string[];
	/** Called for each written file, with its path relative to the run's directory. */
	readonly onWritten: (path: string, sha256: string) => void;
}

/** Returns an attempt's row. @param file its own file, relative to the run's directory */
export function attemptRow(attempt: Attempt, file: string): ResultRow {
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

/**
 * Writes an attempt's record: its JSON file, and next to it the diff and long texts.
 * @returns the JSON file's SHA-256
 */
export function writeAttemptFile(attempt: Attempt, row: ResultRow, options: AttemptFileOptions): string {
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

/** Parts and usage come last. */
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

/** Files next to an attempt's own. */
class SideFiles {
	readonly files: { readonly path: string; readonly sha256: string }[] = [];
	/** Whether a secret was redacted from one of them. */
	isRedacted = false;

	constructor(private readonly options: AttemptFileOptions) {}

	/** Returns a short text itself, or the path of its file. */
	output(name: string, { text, textFile }: Answer): { readonly text?: string; readonly path?: string } {
		return textFile === undefined ? this.text(name, text) : { path: this.#copy(name, textFile) };
	}

	/** Like `output`, for any text. */
	text(name: string, text: string): { readonly text?: string; readonly path?: string } {
		return text.length <= longestInline ? { text } : { path: this.put(name, text) };
	}

	/** Writes workspace changes for `git apply`, and as graders saw them; returns their paths. */
	changes(name: string, { patch, shown }: FileChanges) {
		const isSame = "text" in patch && patch.text === shown;
		return {
			fileChangesPath: "text" in patch ? this.put(`${name}.diff`, patch.text) : this.#copy(`${name}.diff`, patch.file),
			fileChangesShownPath: isSame ? undefined : this.put(`${name}_shown.diff`, shown),
		};
	}

	/** Writes a file and returns its path relative to the run's directory. */
	put(name: string, text: string): string {
		const shown = this.#redact(text);
		writeOwnFile(`${this.options.stem}.${name}`, shown);
		return this.#wrote(name, digestText(shown));
	}

	/** Writes a file that is too large for memory in chunks, which a secret can span. */
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
