import type { Environment } from "../io/environment.ts";
import type { Scratch } from "../io/files/scratch.ts";
import type { CommandRunner } from "../model/command-runner.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { EvalScope } from "../model/eval-scope.ts";
import type { Assertion } from "../model/eval-types.ts";
import type { ToolCall } from "../schema/message.ts";
import type { AnswerMessage, RequestMessage, TargetAnswer, TargetFailure, TokenUsage } from "../targets/contract.ts";

export type GraderType = Assertion["type"];
export type AssertionOf<Type extends GraderType> = Extract<Assertion, { type: Type }>;

/** Grades answers by one kind of assertion. One file each in `graders/`. */
export interface Grader<Type extends GraderType> {
	/** The types it grades: variants of one rule share a grader. */
	readonly types: readonly Type[];
	/** Increment when the same answer may get another result; part of the row's fingerprint. */
	readonly version?: string;
	/**
	 * Returns whether the same record gets the same score everywhere: only the answer's text, tool
	 * calls, tokens, cost and time, and the expected output are used. No program, model, file or
	 * service. `results verify` grades these again.
	 */
	reproducible(assertion: AssertionOf<Type>): boolean;
	/** Returns what is wrong before any test starts, without a full stop. */
	check?(assertion: AssertionOf<Type>, services: GraderServices): Promise<string | undefined>;
	/**
	 * Returns the raw score, synchronously or not: the caller applies `negate`, `min_score`,
	 * `required` and `weight`. Never rejects because of a program or model: that is `CouldNotRun`.
	 */
	grade(assertion: AssertionOf<Type>, subject: Subject, services: GraderServices): Grade | Promise<Grade>;
}

export type Grade = Score | CouldNotRun;

/** A statement about the answer, and whether it is true. */
export interface Finding {
	readonly text: string;
	readonly passed: boolean;
	readonly evidence?: string | undefined;
}

export interface Score {
	/** 0 to 1. */
	readonly score: number;
	readonly assertions: readonly Finding[];
	/** A stated failure fails the grader and the test, regardless of the score. */
	readonly stated?: "pass" | "fail";
	/** Additional data to record; written as it is, secrets redacted. */
	readonly details?: Readonly<Record<string, unknown>>;
	/** Usage of grading itself, separate from the tested target's. */
	readonly usage?: GraderUsage;
	/** Results of a composite's graders. */
	readonly parts?: readonly GraderResult[];
}

export interface GraderUsage {
	readonly target: string;
	readonly model?: string;
	readonly tokenUsage?: TokenUsage;
	readonly costUsd?: number;
}

/** The grader gave no result: the test becomes an execution error, never a low score. */
export interface CouldNotRun {
	readonly couldNotRun: {
		/** Short and stable: `not-found`, `timeout`, `signal`, `exit-code`, `model`, `bad-reply`, `no-data`, `crashed`. */
		readonly code: string;
		/** A sentence without a full stop. */
		readonly message: string;
	};
	readonly usage?: GraderUsage;
	/** Results of a composite's graders, including those that could not run. */
	readonly parts?: readonly GraderResult[];
}

/** A score after the assertion's `negate` and `min_score`. */
export interface GradedAssertion extends Omit<Score, "parts"> {
	readonly name: string;
	readonly type: string;
	readonly weight: number;
	readonly required: boolean;
	readonly verdict: "pass" | "fail";
	/** The grader itself fails the answer despite a passing score: the test fails with it. */
	readonly veto?: true;
	readonly parts?: readonly GraderResult[];
}

/** A grader that could not run, as recorded in attempts. */
export interface UngradedAssertion
	extends Pick<GradedAssertion, "name" | "type" | "weight" | "required" | "usage" | "parts"> {
	readonly verdict: "not_judged";
	readonly score: null;
	readonly assertions: readonly Finding[];
	readonly error: CouldNotRun["couldNotRun"];
}

export type GraderResult = GradedAssertion | UngradedAssertion;

/** What is graded: the answer to a test (or to one turn of it) and how it was produced. */
export interface Subject {
	readonly testId: string;
	readonly attempt: number;
	readonly input: readonly RequestMessage[];
	/** The question as one text, as the target got it. */
	readonly prompt: string;
	/** Returns input files as text, after `preprocessors`. Read on first use. */
	readonly inputFiles: () => Promise<readonly InputFileText[]>;
	readonly criteria?: string;
	readonly expectedOutput?: string;
	/** The final answer; with `outputFile`, its beginning. */
	readonly output: string;
	/** The whole answer, if it is too large for memory. */
	readonly outputFile?: string;
	/** The target's messages, in order. */
	readonly messages: readonly AnswerMessage[];
	/** All tool calls of `messages`, in order. */
	readonly toolCalls: readonly ToolCall[];
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly tokenUsage?: TokenUsage;
	readonly costUsd?: number;
	readonly durationMs?: number;
	readonly llmCalls?: number;
	/** Unified diff of the target's workspace changes. */
	readonly fileChanges?: string;
	readonly workspacePath?: string;
	/** The test's threshold; a `required` grader without `min_score` must reach it. */
	readonly threshold: number;
}

export interface InputFileText {
	readonly path: string;
	/** Absolute. */
	readonly file: string;
	/** Text after preprocessing; undefined for a binary file without preprocessor. */
	readonly text?: string;
}

export interface GraderServices {
	readonly env: Environment;
	readonly scope: EvalScope;
	readonly view: DiskView;
	readonly runCommand: CommandRunner;
	/** Variables about this attempt, such as `AGENTV_WORKSPACE_PATH`, for programs. */
	readonly programEnv: Readonly<Record<string, string>>;
	/** A directory of this attempt, created on first use, removed once it is recorded. */
	readonly scratch: Scratch;
	readonly signal: AbortSignal;
	/** Grades a part of a composite like any other assertion. */
	readonly gradePart: (assertion: Assertion, subject: Subject) => Promise<GraderResult>;
	/**
	 * Calls the grader model: the target named `target`, else the tested target's `grader_target`,
	 * else the tested target if it is an LLM. One call, with the runner's retries for transient
	 * errors; the grader retries bad replies.
	 */
	readonly askModel: (question: GraderQuestion) => Promise<GraderReply>;
}

export interface GraderQuestion {
	readonly target?: string;
	readonly messages: readonly RequestMessage[];
	readonly answerSchema?: { readonly name: string; readonly schema: Readonly<Record<string, unknown>> };
	/** Returns whether the grader can use an answer: an unusable one is not cached. */
	readonly isUsable?: (answer: TargetAnswer) => boolean;
}

export type GraderReply =
	| { readonly ok: true; readonly answer: TargetAnswer; readonly usage: GraderUsage }
	| { readonly ok: false; readonly failure: TargetFailure; readonly usage?: GraderUsage };
