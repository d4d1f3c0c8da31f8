import type { Assertion } from "../eval/eval-types.ts";
import type { CachedFigures, ExecutionStatus, RowError, StageLog, StopReason, Timings } from "../format/run-file.ts";
import type { GraderResult, Measures } from "../grading/contract.ts";
import { AgentvError } from "../lib/errors.ts";
import type { AnswerMessage, RequestMessage, TokenUsage } from "../targets/contract.ts";
import type { FileChanges } from "../workspace/contract.ts";
import { WorkspaceError } from "../workspace/workspace-error.ts";

/** What came of an attempt, before it is recorded. */
export interface AttemptOutcome {
	readonly status: ExecutionStatus;
	readonly score: number;
	readonly scores: readonly GraderResult[];
	readonly error?: RowError;
	readonly warnings: readonly RowError[];
	readonly input: readonly RequestMessage[];
	/** What the target answered; if it failed, what it had said until then. */
	readonly answer?: GivenAnswer;
	readonly turns?: readonly TurnOutcome[];
	/** Of the target alone. */
	readonly durationMs: number;
	readonly timings: Timings;
	readonly logs: readonly StageLog[];
	readonly fileChanges?: FileChanges;
	/** Whether the answer comes from a record that secrets were taken out of. */
	readonly isRedacted?: boolean;
	readonly workspacePath?: string;
	/** Digests of the files that the fingerprint covers, by name. */
	readonly files?: Readonly<Record<string, string>>;
	/** Commits of the workspace's repositories, by path. */
	readonly repositories?: Readonly<Record<string, string>>;
	/** The test's metadata and what extensions add. */
	readonly metadata: Readonly<Record<string, unknown>>;
}

/** The answer that is judged: the target's, or a whole conversation's put together. */
export interface GivenAnswer {
	readonly text: string;
	/** The whole answer, where it is too large for memory. */
	readonly textFile?: string;
	readonly messages: readonly AnswerMessage[];
	readonly tokenUsage?: TokenUsage;
	readonly costUsd?: number;
	readonly durationMs: number;
	readonly llmCalls?: number;
	readonly stopReason?: StopReason;
	/** Of answers from the cache: what they took when they were made. */
	readonly cached?: CachedFigures;
	/** What graders judge it by. */
	readonly measures: Measures;
	/** What is wrong with what the target reports. */
	readonly warnings?: readonly string[];
	readonly metadata?: Readonly<Record<string, unknown>>;
	/** The target that answered, or the fallback that stepped in. */
	readonly by: string;
	/** Calls it took. */
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

/** What answers the turns of an attempt: a target, or the record of an earlier attempt. */
export interface AnswerSource {
	/** Everything said so far. */
	readonly messages: readonly RequestMessage[];
	/** Sends `messages` and returns the answer. @throws AttemptError if the target fails; an interruption */
	say(messages: readonly RequestMessage[]): Promise<GivenAnswer>;
}

/** Why an attempt could not be run to its end: it becomes an execution error. */
export class AttemptError extends AgentvError {
	readonly row: RowError;
	/** What the target said before it failed: it stays on record, and what it cost is counted. */
	readonly partial: GivenAnswer | undefined;

	constructor({ stage, code, message, causedBy }: RowError, partial?: GivenAnswer) {
		super("not-runnable", message);
		this.row = { stage, code, message, ...(causedBy ? { causedBy } : {}) };
		this.partial = partial;
	}
}

/** Ended by Ctrl-C: nothing is recorded, so that the attempt is run again. */
export function interrupted(): AgentvError {
	return new AgentvError("interrupted", "the run was interrupted");
}

/** What an error means for the attempt. @throws an interruption, and errors that are none of a test's */
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

	/** Runs `work` and adds its time to `stage`; time that it adds to other stages meanwhile counts only there. */
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

	/** Adds time that was measured elsewhere. */
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

/** Characters that are kept of what one program prints in one stage: its beginning and its end. */
const maxHead = 16 * 1024;
const maxTail = 48 * 1024;
/** Logs that are kept of one attempt; later ones only count. */
const maxLogs = 200;

/** What programs print while an attempt runs, for its record. */
export class StageLogs {
	readonly #logs: { readonly stage: string; readonly name: string; head: string; tail: string; omitted: number }[] = [];

	/** Adds text that the program `name` printed in `stage`; successive texts of one program are joined. */
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

	/** Returns the logs so far and forgets them. */
	take(): StageLog[] {
		const records = this.records();
		this.#logs.length = 0;
		return records;
	}

	/** The logs in the order in which they began. */
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
