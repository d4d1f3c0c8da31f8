import { type Masker, maskDeep } from "../base/secrets.ts";
import type { GradedAssertion } from "../grading/contract.ts";
import { openOwnFile, writeOwnFile } from "../io/files/own-files.ts";
import { readChunks } from "../io/files/read-chunks.ts";
import type { ResultRow } from "../schema/result-row.ts";
import { toWire } from "../schema/to-wire.ts";
import type { AnswerMessage } from "../targets/contract.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";
import type { PlannedCase } from "./run-plan.ts";
import { inputToWire } from "./test-input.ts";

/** Texts longer than this stand in a file of their own. */
const longestInline = 64 * 1024;

export interface AttemptFileOptions {
	/** Absolute path without ending: `…/tests/<safe>/<attempt>`. */
	readonly stem: string;
	/** The stem relative to the run's directory. */
	readonly shortStem: string;
	readonly masker: Masker;
	/** Length of the longest secret, in any spelling. */
	readonly longestSecret: number;
}

/** Writes everything about an attempt: its JSON file, and beside it the diff and long texts. */
export function writeAttemptFile(
	one: PlannedCase,
	row: ResultRow,
	outcome: AttemptOutcome,
	options: AttemptFileOptions,
): void {
	const beside = new Beside(options);
	const { answer, fileChanges } = outcome;
	const output =
		answer &&
		(answer.textFile === undefined
			? beside.text("output.txt", answer.text)
			: beside.file("output.txt", answer.textFile));
	const { scores: _, tokenUsage, error, warnings, fingerprint, file: _file, ...facts } = row;
	const content = {
		...toWire(facts),
		...(error ? { error } : {}),
		...(warnings ? { warnings } : {}),
		...(one.test.description === undefined ? {} : { description: one.test.description }),
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
		...(outcome.turns
			? {
					turns: outcome.turns.map((turn) => ({
						...turn,
						input: inputToWire(turn.input),
						scores: turn.scores.map(scoreToWire),
					})),
				}
			: {}),
		...(answer && answer.tries > 1 ? { tries: answer.tries } : {}),
		...(answer && answer.by !== row.target ? { answered_by: answer.by } : {}),
		...(answer?.metadata ? { target_metadata: answer.metadata } : {}),
		...(tokenUsage ? { token_usage: tokenUsage } : {}),
		scores: outcome.scores.map(scoreToWire),
		file_changes_path: fileChanges === undefined ? null : beside.put("file_changes.diff", fileChanges),
		...(fingerprint ? { fingerprint } : {}),
	};
	writeOwnFile(`${options.stem}.json`, `${JSON.stringify(maskDeep(content, options.masker))}\n`);
}

function messageToWire(
	{ role, content, toolCalls, durationMs }: AnswerMessage,
	index: number,
	output: string,
	outputPath: string | undefined,
	beside: Beside,
): Record<string, unknown> {
	const rest = {
		...(toolCalls ? { tool_calls: toolCalls.map(toWire) } : {}),
		...(durationMs === undefined ? {} : { duration_ms: durationMs }),
	};
	if (content === output && outputPath !== undefined) return { role, content: null, content_path: outputPath, ...rest };
	const { text, path } = beside.text(`message-${index + 1}.txt`, content);
	return { role, content: text ?? null, ...(path === undefined ? {} : { content_path: path }), ...rest };
}

function scoreToWire({ parts, usage, ...score }: GradedAssertion): Record<string, unknown> {
	return {
		...toWire(score),
		...(parts ? { parts: parts.map(scoreToWire) } : {}),
		...(usage ? { usage: toWire(usage) } : {}),
	};
}

/** Files that stand beside an attempt's own. */
class Beside {
	readonly #options: AttemptFileOptions;

	constructor(options: AttemptFileOptions) {
		this.#options = options;
	}

	/** The text itself where it is short, else the path of its file. */
	text(name: string, text: string): { readonly text?: string; readonly path?: string } {
		return text.length <= longestInline ? { text } : { path: this.put(name, text) };
	}

	/** Writes a file and answers its path relative to the run's directory. */
	put(name: string, text: string): string {
		const { stem, shortStem, masker } = this.#options;
		writeOwnFile(`${stem}.${name}`, masker(text));
		return `${shortStem}.${name}`;
	}

	/** The same with a file that is too large for memory: copied piece by piece. A secret may lie across two pieces. */
	file(name: string, from: string): { readonly text?: string; readonly path: string } {
		const { stem, shortStem, masker, longestSecret } = this.#options;
		const to = openOwnFile(`${stem}.${name}`);
		try {
			let held = "";
			for (const chunk of readChunks(from)) {
				const text = masker(held + chunk);
				const cut = Math.max(0, text.length - longestSecret);
				to.write(text.slice(0, cut));
				held = text.slice(cut);
			}
			to.write(held);
		} finally {
			to.close();
		}
		return { path: `${shortStem}.${name}` };
	}
}
