import type { Assertion } from "../eval/eval-types.ts";
import type { CachedFigures, ExecutionStatus, RowError, StageLog, StopReason, Timings } from "../format/run-file.ts";
import type { GraderResult, Measures } from "../grading/contract.ts";
import { AgentvError } from "../lib/errors.ts";
import type { AnswerMessage, RequestMessage, TokenUsage } from "../targets/contract.ts";
import { type FileChanges, WorkspaceError } from "../workspace/contract.ts";

/** The result of an attempt before it is recorded. */
export interface AttemptOutcome {
	readonly status: ExecutionStatus;
	readonly score: number;
	readonly scores: readonly GraderResult[];
	readonly error?: RowError;
	readonly warnings: readonly RowError[];
	readonly input: readonly RequestMessage[];
	/** The target's answer; a partial one if it failed. */
	readonly answer?: GivenAnswer;
	readonly turns?: readonly TurnOutcome[];
	/** Of the target alone. */
	readonly durationMs: number;
	readonly timings: Timings;
	readonly logs: readonly StageLog[];
	readonly fileChanges?: FileChanges;
	/** Whether the answer comes from a redacted record. */
	readonly isRedacted?: boolean;
	readonly workspacePath?: string;
	/** Digests of the files that the fingerprint covers, by name. */
	readonly files?: Readonly<Record<string, string>>;
	/** Commits of the workspace's repositories, by path. */
	readonly repositories?: Readonly<Record<string, string>>;
	/** The test's metadata and what extensions add. */
	readonly metadata: Readonly<Record<string, unknown>>;
}

/** The graded answer: the target's, or a merged conversation. */
export interface GivenAnswer {
	readonly text: string;
	/** The whole answer, if it is too large for memory. */
	readonly textFile?: string;
	readonly messages: readonly AnswerMessage[];
	readonly tokenUsage?: TokenUsage;
	readonly costUsd?: number;
	readonly durationMs: number;
	readonly llmCalls?: number;
	readonly stopReason?: StopReason;
	/** The original figures of a cached answer. */
	readonly cached?: CachedFigures;
	/** The figures for graders. */
	readonly measures: Measures;
	/** Problems of the target's report. */
	readonly warnings?: readonly string[];
	readonly metadata?: Readonly<Record<string, unknown>>;
	/** The target that answered, or the fallback. */
	readonly by: string;
	/** Number of calls. */
	readonly tries: number;
}

export interface TurnOutcome {
	readonly input: readonly RequestMessage[];
	readonly answer: GivenAnswer;
	/** The turn's own graders. */
	readonly assertions: readonly Assertion[];
	readonly expectedOutput?: string;
	readonly score?: number;
	readonly scores: readonly GraderResult[];
	readonly fileChanges?: FileChanges;
}

/** A source of answers for turns: a target, or the record of an earlier attempt. */
export interface AnswerSource {
	/** The conversation so far. */
	readonly messages: readonly RequestMessage[];
	/**
	 * Sends `messages` and returns the answer. @throws AttemptError if the target fails; an
	 * interruption
	 */
	say(messages: readonly RequestMessage[]): Promise<GivenAnswer>;
}

/** Why an attempt could not finish: it becomes an execution error. */
export class AttemptError extends AgentvError {
	readonly row: RowError;
	/** The target's partial answer: it is recorded, and its cost counts. */
	readonly partial: GivenAnswer | undefined;

	constructor({ stage, code, message, causedBy }: RowError, partial?: GivenAnswer) {
		super("not-runnable", message);
		this.row = { stage, code, message, ...(causedBy ? { causedBy } : {}) };
		this.partial = partial;
	}
}

/** Ended by Ctrl-C: nothing is recorded, so that the attempt runs again. */
export function interrupted(): AgentvError {
	return new AgentvError("interrupted", "the run was interrupted");
}

/** Returns the row's error. @throws an interruption, and errors that don't belong to a test */
export function rowError(error: unknown): RowError {
	if (error instanceof AttemptError) return error.row;
	if (error instanceof WorkspaceError) {
		const causedBy = error.causedBy ?? (error.reason === "disk-full" ? "machine" : undefined);
		return { stage: error.stage, code: error.reason, message: error.message, ...(causedBy ? { causedBy } : {}) };
	}
	if (error instanceof AgentvError && error.code !== "interrupted" && error.code !== "internal")
		return { stage: "run", code: error.code, message: error.message };
	throw error;
}

/** Measures how long an attempt spends in each stage. */
export class StageTimer {
	readonly #spent: { -readonly [Stage in keyof Timings]: number } = {
		prepare: 0,
		hooks: 0,
		target: 0,
		grade: 0,
		judge: 0,
	};

	/** Time that is added to other stages meanwhile only counts there. */
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

	/** Adds time measured elsewhere. */
	add(stage: keyof Timings, ms: number): void {
		this.#spent[stage] += ms;
	}

	/** Whole milliseconds. */
	get timings(): Timings {
		const { prepare, hooks, target, grade, judge } = this.#spent;
		const whole = Math.round;
		return {
			prepare: whole(prepare),
			hooks: whole(hooks),
			target: whole(target),
			grade: whole(grade),
			judge: whole(judge),
		};
	}

	get #total(): number {
		const { prepare, hooks, target, grade, judge } = this.#spent;
		return prepare + hooks + target + grade + judge;
	}
}

/** Characters kept of one program's output in one stage: its start and its end. */
const maxHead = 16 * 1024;
const maxTail = 48 * 1024;
/** Logs kept per attempt; later ones are only counted. */
const maxLogs = 200;

/** Output of programs during an attempt, for its record. */
export class StageLogs {
	readonly #logs: { readonly stage: string; readonly name: string; head: string; tail: string; omitted: number }[] = [];

	/** Adds output of the program `name` in `stage`; successive texts of one program are joined. */
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

	/** Returns the logs so far and clears them. */
	take(): StageLog[] {
		const records = this.records();
		this.#logs.length = 0;
		return records;
	}

	/** Returns the logs in starting order. */
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
