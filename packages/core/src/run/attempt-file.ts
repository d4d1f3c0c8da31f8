import { RedactedStream, type Redactor, redactDeep } from "../base/redact.ts";
import type { GraderResult } from "../grading/contract.ts";
import { assertionRecord } from "../grading/recorded-assertion.ts";
import { createDigest, digestFile, digestText } from "../io/files/digest-tree.ts";
import { openOwnFile, writeOwnFile } from "../io/files/own-files.ts";
import { readChunks } from "../io/files/read-chunks.ts";
import type { ResultRow } from "../schema/result-row.ts";
import { toWire } from "../schema/to-wire.ts";
import type { AnswerMessage } from "../targets/contract.ts";
import type { FileChanges } from "../workspace/contract.ts";
import type { AttemptOutcome, GivenAnswer, TurnOutcome } from "./attempt-outcome.ts";
import { unheldTurns } from "./hold-conversation.ts";
import type { PlannedCase } from "./run-plan.ts";
import { inputToWire } from "./test-input.ts";

/** Texts longer than this stand in a file of their own. */
const longestInline = 64 * 1024;

export interface AttemptFileOptions {
	/** Absolute path without ending: `…/tests/<safe>/<attempt>`. */
	readonly stem: string;
	/** The stem relative to the run's directory. */
	readonly shortStem: string;
	readonly redact: Redactor;
	/** The secrets that the redactor knows. */
	readonly secrets: readonly string[];
	/** Told of each file that was written, by its path relative to the run's directory. */
	readonly onWritten: (path: string, sha256: string) => void;
}

/**
 * Writes everything about an attempt: its JSON file, and beside it the diff and long texts.
 * @returns the JSON file's SHA-256
 */
export function writeAttemptFile(
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
	// An answer that is graded again comes from a record that has lost its secrets already.
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

/** Files that stand beside an attempt's own. */
class Beside {
	readonly #options: AttemptFileOptions;
	readonly files: { readonly path: string; readonly sha256: string }[] = [];
	/** Whether a secret was taken out of one of them. */
	isRedacted = false;

	constructor(options: AttemptFileOptions) {
		this.#options = options;
	}

	/** An answer's text itself where it is short, else the path of its file. */
	output(name: string, { text, textFile }: GivenAnswer): { readonly text?: string; readonly path?: string } {
		return textFile === undefined ? this.text(name, text) : { path: this.#copy(name, textFile) };
	}

	/** The same for any text. */
	text(name: string, text: string): { readonly text?: string; readonly path?: string } {
		return text.length <= longestInline ? { text } : { path: this.put(name, text) };
	}

	/** The changes of a workspace as `git apply` takes them, and as graders saw them; the paths of their files. */
	changes(name: string, { patch, shown }: FileChanges): Record<string, string> {
		const isSame = "text" in patch && patch.text === shown;
		return {
			file_changes_path:
				"text" in patch ? this.put(`${name}.diff`, patch.text) : this.#copy(`${name}.diff`, patch.file),
			...(isSame ? {} : { file_changes_shown_path: this.put(`${name}_shown.diff`, shown) }),
		};
	}

	/** Writes a file and answers its path relative to the run's directory. */
	put(name: string, text: string): string {
		const shown = this.#redact(text);
		writeOwnFile(`${this.#options.stem}.${name}`, shown);
		return this.#wrote(name, digestText(shown));
	}

	/** Writes a file that is too large for memory piece by piece. A secret may lie across two pieces. */
	#copy(name: string, from: string): string {
		const path = `${this.#options.stem}.${name}`;
		// An answer that is graded again already has its file, secrets redacted.
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
