import type { GraderResult } from "../grading/contract.ts";
import type { Measures } from "../grading/measures.ts";
import type { Assertion } from "../model/eval-types.ts";
import type { StageLog } from "../schema/attempt-file.ts";
import type { CachedFigures, ExecutionStatus, RowError, StopReason, Timings } from "../schema/result-row.ts";
import type { AnswerMessage, RequestMessage, TokenUsage } from "../targets/contract.ts";
import type { FileChanges } from "../workspace/contract.ts";

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
