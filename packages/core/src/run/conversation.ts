import { resolve } from "node:path";
import type { TestCase, Turn } from "../eval/eval-types.ts";
import { resolvePath } from "../eval/read-shape.ts";
import type { CachedFigures, RowError } from "../format/run-file.ts";
import { addAmounts, addCosts, addMeasures, measuresOf } from "../grading/contract.ts";
import { textOf } from "../grading/grade-answer.ts";
import { AgentvError } from "../lib/errors.ts";
import type { Scratch } from "../machine/directories.ts";
import { isInside, realPath, targetKind } from "../machine/files.ts";
import {
	type AnswerPart,
	cutShort,
	largestAnswer,
	type RequestMessage,
	type TargetAnswer,
	tooLarge,
} from "../targets/contract.ts";
import { partText } from "../targets/read-answer.ts";
import { type Asked, askTarget } from "./ask-target.ts";
import {
	type AnswerSource,
	AttemptError,
	type AttemptOutcome,
	type GivenAnswer,
	interrupted,
	type StageLogs,
	type StageTimer,
} from "./attempt-outcome.ts";
import { type AttemptName, countCall, type RunContext } from "./grade-attempt.ts";
import { promptText, requestFiles } from "./recorded-attempt.ts";
import type { PlannedCase } from "./run-plan.ts";

/** Rounds to whole milliseconds, since graders use the recorded values. */
function givenAnswer(
	answer: TargetAnswer,
	{ by, tries, durationMs, failedCalls }: Omit<Asked, "outcome">,
): GivenAnswer {
	const messages =
		answer.messages.length > 0 ? answer.messages : [{ role: "assistant" as const, content: answer.text }];
	const { text, textFile, llmCalls, metadata, stopReason, cached, warnings } = answer;
	const { tokenUsage, costUsd } = addCosts(failedCalls, answer);
	const took = Math.round(answer.durationMs ?? durationMs);
	return {
		...{ text, messages, by, tries, durationMs: took },
		measures: measuresOf({ durationMs: took, tokenUsage, costUsd, llmCalls, cached }),
		...(stopReason === undefined ? {} : { stopReason }),
		...(cached === undefined ? {} : { cached }),
		...(warnings === undefined ? {} : { warnings }),
		...(textFile === undefined ? {} : { textFile }),
		...(tokenUsage === undefined ? {} : { tokenUsage }),
		...(costUsd === undefined ? {} : { costUsd }),
		...(llmCalls === undefined ? {} : { llmCalls }),
		...(metadata === undefined ? {} : { metadata }),
	};
}

/**
 * @throws AttemptError if an answer is truncated, so that it can't be graded. A refusal is an
 * answer
 */
export function refuseCut({ stopReason }: GivenAnswer): void {
	if (stopReason === undefined || stopReason === "refusal") return;
	throw new AttemptError({
		...{ stage: "target", code: stopReason.replace("_", "-"), message: `the answer ${cutShort[stopReason]}` },
		causedBy: "agent",
	});
}

/** Returns problems of the target's report as warnings. */
export function figureWarnings(answer: GivenAnswer | undefined): RowError[] {
	return (answer?.warnings ?? []).map((message) => ({ stage: "target", code: "figures", message }));
}

/** Returns a target's partial answer before a failure, if known. */
function partialAnswer(partial: Partial<TargetAnswer> | undefined, asked: Asked): GivenAnswer | undefined {
	if (!partial) return undefined;
	const messages = partial.messages ?? [];
	return { ...givenAnswer({ text: "", ...partial, messages }, asked), messages };
}

/** Merges a conversation: the last text, all messages, the sum of everything else. */
export function mergeAnswers(before: GivenAnswer | undefined, next: GivenAnswer): GivenAnswer {
	if (!before) return next;
	const { tokenUsage, costUsd } = addCosts(before, next);
	const llmCalls = addAmounts(before.llmCalls, next.llmCalls);
	const stopReason = next.stopReason ?? before.stopReason;
	const cached = before.cached || next.cached ? mergeCached(before, next) : undefined;
	const warnings = [...new Set([...(before.warnings ?? []), ...(next.warnings ?? [])])];
	return {
		...next,
		messages: [...before.messages, ...next.messages],
		durationMs: before.durationMs + next.durationMs,
		tries: before.tries + next.tries,
		measures: addMeasures(before.measures, next.measures),
		...(stopReason === undefined ? {} : { stopReason }),
		...(cached === undefined ? {} : { cached }),
		...(warnings.length === 0 ? {} : { warnings }),
		...(tokenUsage === undefined ? {} : { tokenUsage }),
		...(costUsd === undefined ? {} : { costUsd }),
		...(llmCalls === undefined ? {} : { llmCalls }),
	};
}

/** Returns what a conversation would have cost without the cache. */
function mergeCached(before: GivenAnswer, next: GivenAnswer): CachedFigures {
	const [one, other] = [before.cached ?? before, next.cached ?? next];
	const { tokenUsage, costUsd } = addCosts(one, other);
	const durationMs = addAmounts(one.durationMs, other.durationMs);
	return {
		...(durationMs === undefined ? {} : { durationMs }),
		...(tokenUsage === undefined ? {} : { tokenUsage }),
		...(costUsd === undefined ? {} : { costUsd }),
	};
}

/** One attempt's conversation with its target, turn by turn. */
export class Conversation implements AnswerSource {
	readonly #one: PlannedCase;
	readonly #name: AttemptName;
	readonly #context: RunContext;
	readonly #scratch: Scratch;
	readonly #place: ConversationPlace;
	readonly #messages: RequestMessage[] = [];
	#session: unknown;

	constructor(one: PlannedCase, name: AttemptName, context: RunContext, scratch: Scratch, place: ConversationPlace) {
		this.#one = one;
		this.#name = name;
		this.#context = context;
		this.#scratch = scratch;
		this.#place = place;
	}

	/** The conversation so far. */
	get messages(): readonly RequestMessage[] {
		return this.#messages;
	}

	async say(messages: readonly RequestMessage[]): Promise<GivenAnswer> {
		this.#messages.push(...messages);
		const { targets, signal, emit } = this.#context;
		const candidates = await targets.candidates(this.#one.target, this.#one.eval);
		const asked = await this.#place.timer.time("target", () =>
			askTarget(candidates, this.#question(), {
				signal,
				timeoutMs: this.#one.timeoutMs,
				onCall: (target, costUsd) => countCall(this.#context, this.#one, target, costUsd),
				onRetry: ({ message }, waitMs) => emit({ type: "retry", ...this.#name, message, waitMs: Math.round(waitMs) }),
			}),
		);
		return this.#answerOf(asked);
	}

	#answerOf(asked: Asked): GivenAnswer {
		const { outcome, by, tries } = asked;
		if (!outcome.ok) {
			if (this.#context.signal.aborted) throw interrupted();
			const { code, message, partial, causedBy } = outcome.failure;
			const after = tries > 1 ? ` (after ${tries} calls, the last to ${by})` : "";
			const row = { stage: "target", code, message: message + after, ...(causedBy ? { causedBy } : {}) };
			throw new AttemptError(row, partialAnswer(partial, asked));
		}
		this.#context.onAnswer?.(this.#name, outcome.answer);
		const given = givenAnswer(outcome.answer, asked);
		this.#session = outcome.answer.session;
		for (const { role, content, toolCalls } of given.messages)
			this.#messages.push({ role, content: [{ type: "text", text: content }], ...(toolCalls ? { toolCalls } : {}) });
		return given;
	}

	#question() {
		const messages = [...this.#messages];
		return {
			testId: this.#one.test.id,
			attempt: this.#name.attempt,
			messages,
			prompt: promptText(messages),
			files: requestFiles(messages),
			...(this.#place.workspacePath === undefined ? {} : { workspacePath: this.#place.workspacePath }),
			providerContext: this.#place.providerContext,
			session: this.#session,
			scratch: this.#scratch,
			log: (text: string) => this.#place.logs.add("target", this.#one.target.target.name, text),
		};
	}
}

export interface ConversationPlace extends Pick<AttemptOutcome, "workspacePath"> {
	readonly providerContext: Readonly<Record<string, unknown>>;
	readonly timer: StageTimer;
	readonly logs: StageLogs;
}

export function isGradedTurn(turn: Turn): boolean {
	return turn.assertions.length > 0;
}

/** Returns how many turns with graders were skipped after `held` turns. */
export function unheldTurns({ turns }: TestCase, held: number): number {
	return turns.slice(held).filter(isGradedTurn).length;
}

const longestMs = 10;

/** Without turns of the loop, synchronous work would block Ctrl-C, timers and the screen. */
export class LoopTurns {
	#last = performance.now();
	#turn: Promise<void> | undefined;

	/** Resolves immediately, or after a turn of the loop if the last one was a while ago. */
	taken(): Promise<void> | undefined {
		if (performance.now() - this.#last < longestMs) return undefined;
		this.#turn ??= new Promise((resolve) => {
			setImmediate(() => {
				this.#last = performance.now();
				this.#turn = undefined;
				resolve();
			});
		});
		return this.#turn;
	}
}

type FilePart = Exclude<AnswerPart, { type: "text" }>;

/**
 * Adds the text of an answer's files to its text: by a preprocessor, or unchanged if they are text.
 * A binary file without a preprocessor stays `[file: path]`.
 * @throws AttemptError if a file is missing or its preprocessor fails: such an answer is not graded
 */
export async function withFileTexts(
	answer: GivenAnswer,
	one: PlannedCase,
	workspacePath: string | undefined,
	context: RunContext,
): Promise<GivenAnswer> {
	const index = answer.messages.findLastIndex(({ role }) => role === "assistant");
	const last = answer.messages[index];
	if (!last?.parts) return answer;
	const texts: string[] = [];
	const files: string[] = [];
	const known = new Map<string, Promise<string>>();
	let size = 0;
	for (const part of last.parts) {
		const key = JSON.stringify(part);
		if (isLocal(part) && !known.has(key)) known.set(key, fileText(part, one, workspacePath, context));
		const text = (await known.get(key)) ?? partText(part);
		size += Buffer.byteLength(text);
		if (known.size > mostFiles) throw tooMuch(`refers to more than ${mostFiles} files`);
		if (size > largestAnswer) throw tooMuch(`is larger than ${largestAnswer / 1024 / 1024} MB including its files`);
		texts.push(text);
		if (part.type !== "text") files.push(text);
	}
	const content = texts.join("\n\n");
	// A program can report a text besides the messages; the files belong to both.
	const text = answer.text === last.content ? content : [answer.text, ...files].join("\n\n");
	const messages = answer.messages.map((message, position) => (position === index ? { ...message, content } : message));
	return { ...answer, text, messages };
}

function isLocal(part: AnswerPart): part is FilePart {
	return part.type !== "text" && !/^(data:|https?:\/\/)/i.test(part.path);
}

async function fileText(
	part: FilePart,
	one: PlannedCase,
	workspacePath: string | undefined,
	context: RunContext,
): Promise<string> {
	const name = partText(part);
	try {
		const file = locate(part.path, workspacePath ?? directoryOf(one, context));
		const { preprocessors } = one.test.suite;
		const options = { preprocessors, runCommand: context.commands(one), signal: context.signal };
		const text = await textOf(file, part.path, part.mediaType, options);
		return text === undefined ? name : `${name}\n${text}`;
	} catch (error) {
		if (context.signal.aborted) throw interrupted();
		if (!(error instanceof AgentvError)) throw error;
		throw unreadable(error.message);
	}
}

/** A preprocessor needs a process for each. */
const mostFiles = 100;

function tooMuch(what: string): AttemptError {
	const { message, code } = tooLarge(what);
	return new AttemptError({ stage: "target", code, message, causedBy: "agent" });
}

/** Returns the error for a missing or unreadable answer file. */
function unreadable(message: string): AttemptError {
	return new AttemptError({ stage: "target", code: "answer-file", message, causedBy: "agent" });
}

/** Without a workspace an agent works where the target's program runs. */
function directoryOf({ test, target: { target } }: PlannedCase, { plan }: RunContext): string {
	const { scope } = test.suite;
	const cwd = target.cwd && resolvePath(target.cwd, scope, plan.view);
	return cwd?.found === undefined ? scope.directory : cwd.path;
}

/**
 * Returns the real path of an answer's file: an agent must not make AgentV read files elsewhere.
 * @throws AgentvError if it is outside the directory, directly or through links, or not a regular
 * file
 */
function locate(path: string, directory: string): string {
	const named = `the answer refers to ${JSON.stringify(path)}, which is`;
	const real = realPath(resolve(directory, path));
	if (!isInside(realPath(directory), real))
		throw new AgentvError("refused", `${named} outside the agent's working directory`);
	if (targetKind(real) !== "file") throw new AgentvError("not-found", `${named} not a file`);
	return real;
}
