import type { Message, TestCase, Turn } from "../eval/eval-types.ts";
import { resolvePath, resolveWithinReach } from "../eval/read-shape.ts";
import type { AttemptFile, ResultRow, RowError, RunSummary, StageLog, Timings } from "../format/run-file.ts";
import { messageToWire } from "../grading/attempt-record.ts";
import { addAmounts, addCosts, type GraderResult } from "../grading/contract.ts";
import type { CaseResult } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { omitUndefined } from "../lib/json.ts";
import { type Redactor, redactDeep } from "../lib/redact.ts";
import type { AnswerMessage, RequestMessage, RequestPiece, TargetAnswer } from "../targets/contract.ts";
import { type FileChanges, type RepositoryRecord, WorkspaceError } from "../workspace/contract.ts";
import type { ShardBudget } from "./call-cache.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";

type RowFields = "score" | "executionStatus" | "error" | "durationMs" | "workspacePath" | "metadata" | "rerun";

/** An attempt from its preparation to its record, with the record's field names. */
export interface Attempt
	extends Pick<ResultRow, RowFields | "fingerprint">,
		Pick<AttemptFile, "files" | "repositories"> {
	readonly planned: PlannedCase;
	readonly name: AttemptName;
	readonly input: readonly RequestMessage[];
	answer?: Answer;
	readonly turns: AnsweredTurn[];
	/** Scores of turns come first. */
	readonly scores: GraderResult[];
	/** Since the workspace was prepared. */
	fileChanges?: FileChanges | undefined;
	readonly warnings: RowError[];
	timingsMs: Timings;
	logs: readonly StageLog[];
	isRedacted?: boolean;
}

/** A target's answer; for a conversation, all turns merged. */
export interface Answer extends Omit<TargetAnswer, "session"> {
	readonly durationMs: number;
	readonly by: string;
	readonly tries: number;
}

export interface AnsweredTurn {
	readonly turn: Turn;
	readonly input: readonly RequestMessage[];
	readonly answer: Answer;
	readonly score: number | undefined;
	readonly scores: readonly GraderResult[];
	readonly fileChanges: FileChanges | undefined;
}

export function newAttempt(planned: PlannedCase, name: AttemptName, plan: RunPlan): Attempt {
	const { input, metadata } = planned.test;
	return {
		...{ planned, name, input: requestMessages(input, planned.test, plan), metadata },
		...{ score: 0, executionStatus: "execution_error", scores: [], turns: [], warnings: [] },
		...{ durationMs: 0, timingsMs: new StageTimer().timings, logs: [] },
	};
}

/** Merges a conversation: the last text, all messages, the sum of everything else. */
export function mergeAnswers(before: Answer | undefined, next: Answer): Answer {
	if (!before) return next;
	const warnings = [...new Set([...(before.warnings ?? []), ...(next.warnings ?? [])])];
	const [a, b] = [before.cached ?? before, next.cached ?? next];
	const cached = { durationMs: addAmounts(a.durationMs, b.durationMs), ...addCosts(a, b) };
	return omitUndefined({
		...next,
		messages: [...before.messages, ...next.messages],
		durationMs: before.durationMs + next.durationMs,
		tries: before.tries + next.tries,
		stopReason: next.stopReason ?? before.stopReason,
		// What the conversation would have cost without the cache.
		cached: before.cached || next.cached ? omitUndefined(cached) : undefined,
		warnings: warnings.length === 0 ? undefined : warnings,
		...addCosts(before, next),
		llmCalls: addAmounts(before.llmCalls, next.llmCalls),
	});
}

export function isGradedTurn(turn: Turn): boolean {
	return turn.assertions.length > 0;
}

/** Counts the turns with graders among those after the first `held`. */
export function skippedTurns({ turns }: TestCase, held: number): number {
	return turns.slice(held).filter(isGradedTurn).length;
}

/** Why an attempt could not finish; recorded as an execution error. */
export class AttemptError extends AgentvError {
	readonly row: RowError;
	readonly partial: Answer | undefined;

	constructor(row: RowError, partial?: Answer) {
		super("not-runnable", row.message);
		this.row = row;
		this.partial = partial;
	}
}

/** The attempt was ended by Ctrl-C: nothing is recorded, so a resumed run starts it again. */
export function interrupted(): AgentvError {
	return new AgentvError("interrupted", "the run was interrupted");
}

/** @throws an interruption, and errors that don't belong to a test */
export function rowError(error: unknown): RowError {
	if (error instanceof AttemptError) return error.row;
	if (error instanceof WorkspaceError) {
		const { stage, reason: code, message } = error;
		const causedBy = error.causedBy ?? (error.reason === "disk-full" ? "machine" : undefined);
		return omitUndefined({ stage, code, message, causedBy });
	}
	if (error instanceof AgentvError && error.code !== "interrupted" && error.code !== "internal")
		return { stage: "run", code: error.code, message: error.message };
	throw error;
}

export class StageTimer {
	readonly #spent: Timings = { prepare: 0, hooks: 0, target: 0, grade: 0, judge: 0 };

	/** Time that `work` adds to other stages counts only there. */
	async time<Value>(stage: keyof Timings, work: () => Promise<Value>): Promise<Value> {
		const started = performance.now();
		const before = this.#total;
		try {
			return await work();
		} finally {
			const inner = this.#total - before;
			this.#spent[stage] += Math.max(0, performance.now() - started - inner);
		}
	}

	add(stage: keyof Timings, ms: number): void {
		this.#spent[stage] += ms;
	}

	/** Whole milliseconds. */
	get timings(): Timings {
		const { prepare, hooks, target, grade, judge } = this.#spent;
		const whole = Math.round;
		return {
			...{ prepare: whole(prepare), hooks: whole(hooks), target: whole(target) },
			...{ grade: whole(grade), judge: whole(judge) },
		};
	}

	get #total(): number {
		return Object.values(this.#spent).reduce((sum, ms) => sum + ms, 0);
	}
}

/** Characters kept of the start and the end of a program's output in one stage. */
const maxHead = 16 * 1024;
const maxTail = 48 * 1024;
const maxLogs = 200;

/** Collects the output of programs during an attempt, for its record. */
export class StageLogs {
	readonly #logs: { readonly stage: string; readonly name: string; head: string; tail: string; omitted: number }[] = [];

	/** Successive texts of one program are joined. */
	add(stage: string, name: string, text: string): void {
		if (text === "") return;
		const last = this.#logs.at(-1);
		if (last?.stage === stage && last.name === name) append(last, text);
		else if (this.#logs.length < maxLogs) {
			const log = { stage, name, head: "", tail: "", omitted: 0 };
			append(log, text);
			this.#logs.push(log);
		}
	}

	take(): StageLog[] {
		const records = this.records();
		this.#logs.length = 0;
		return records;
	}

	records(): StageLog[] {
		return this.#logs.map(({ stage, name, head, tail, omitted }) => ({
			...{ stage, name, text: head + tail },
			...(omitted > 0 ? { omitted } : {}),
		}));
	}
}

function append(log: { head: string; tail: string; omitted: number }, text: string): void {
	const room = log.tail === "" ? Math.max(0, maxHead - log.head.length) : 0;
	log.head += text.slice(0, room);
	const tail = log.tail + text.slice(room);
	const over = Math.max(0, tail.length - maxTail);
	log.tail = tail.slice(over);
	log.omitted += over;
}

/** Events of a run, in order: `started` first, `done` last. For the command line and Studio. */
export type RunEvent =
	| {
			readonly type: "started";
			/** Absolute. */
			readonly runDir: string;
			/** Tests × targets. */
			readonly planned: number;
			/** Finished by the resumed run. */
			readonly alreadyDone: number;
			readonly before: RunSummary;
			/** Absent if the run is not a shard with budgets. */
			readonly budgets?: readonly ShardBudget[];
			readonly experiment: string;
	  }
	| ({ readonly type: "attempt-started" } & AttemptName)
	| ({ readonly type: "retry"; readonly message: string; readonly waitMs: number } & AttemptName)
	| ({ readonly type: "attempt-finished"; readonly row: ResultRow } & AttemptName)
	| ({ readonly type: "case-finished"; readonly result: CaseResult } & Omit<AttemptName, "attempt">)
	| { readonly type: "repositories"; readonly repositories: readonly RepositoryRecord[] }
	| { readonly type: "warning"; readonly message: string }
	/** No more tests start: Ctrl-C, `bail`, or (for the affected evals) an exhausted budget. */
	| { readonly type: "stopping"; readonly reason: "interrupted" | "bail" | "budget" }
	| { readonly type: "done"; readonly runDir: string; readonly summary: RunSummary; readonly outcome: RunOutcome };

export interface AttemptName {
	/** Position of the test × target in the plan. */
	readonly index: number;
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** 1-based. */
	readonly attempt: number;
}

export type RunOutcome = "complete" | "interrupted" | "bailed" | "over-budget";

/** Directories are not redacted, since they are needed to find the run; rows already are. */
export function redactEvent(event: RunEvent, redact: Redactor): RunEvent {
	if (event.type === "started" || event.type === "done") return event;
	if (event.type !== "attempt-finished") return redactDeep(event, redact);
	const { row, ...name } = event;
	return { ...redactDeep(name, redact), row };
}

export function attemptName({ index, names }: PlannedCase, attempt: number): AttemptName {
	return { index, ...names, attempt };
}

export function requestMessages(messages: readonly Message[], test: TestCase, { view }: RunPlan): RequestMessage[] {
	const pieceOf = (piece: Exclude<Message["content"], string>[number]): RequestPiece => {
		if (piece.type === "text") return piece;
		const { path } = resolvePath(piece.path, test.suite.scope, view);
		return omitUndefined({ type: piece.type, path, name: piece.path.raw, mediaType: piece.mediaType });
	};
	return messages.map(({ role, name, content, toolCalls }) =>
		omitUndefined({
			...{ role, name },
			content: typeof content === "string" ? [{ type: "text" as const, text: content }] : content.map(pieceOf),
			toolCalls,
		}),
	);
}

export function answerAsRequest(messages: readonly AnswerMessage[]): RequestMessage[] {
	return messages.map(({ role, content, toolCalls }) =>
		omitUndefined({ role, content: [{ type: "text" as const, text: content }], toolCalls }),
	);
}

/**
 * Checks the files again when an attempt starts.
 * @throws AgentvError `config` if one is not allowed
 */
export function refuseFilesOutOfReach({ input, turns, suite }: TestCase, { view }: RunPlan): void {
	for (const { content } of [...input, ...turns.flatMap((turn) => turn.input)]) {
		if (typeof content === "string") continue;
		for (const piece of content) if (piece.type !== "text") resolveWithinReach(piece.path, suite.scope, view);
	}
}

export function requestOf(messages: readonly RequestMessage[]) {
	const files = messages.flatMap(({ content }) =>
		content.flatMap((piece) => (piece.type === "text" ? [] : [piece.path])),
	);
	return { messages, prompt: promptText(messages), files };
}

export function promptText(messages: readonly RequestMessage[]): string {
	const [only] = messages;
	if (only && messages.length === 1 && only.role === "user") return piecesText(only.content);
	return messages.map(({ role, content }) => `[${role}]\n${piecesText(content)}`).join("\n\n");
}

function piecesText(pieces: readonly RequestPiece[]): string {
	return pieces.map((piece) => (piece.type === "text" ? piece.text : `[${piece.type}: ${piece.path}]`)).join("\n\n");
}

export function inputToWire(messages: readonly RequestMessage[]): unknown {
	const [only] = messages;
	const [piece] = only?.content ?? [];
	const isPlain =
		only && messages.length === 1 && only.role === "user" && !only.toolCalls && !only.name && only.content.length === 1;
	if (isPlain && piece?.type === "text") return piece.text;
	return messages.map((message) => messageToWire(message, "name"));
}
