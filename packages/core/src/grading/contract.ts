import type { Environment } from "../io/environment.ts";
import type { Scratch } from "../io/files/scratch.ts";
import type { CommandRunner } from "../model/command-runner.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { EvalScope } from "../model/eval-scope.ts";
import type { Assertion } from "../model/eval-types.ts";
import type { ToolCall } from "../schema/message.ts";
import type { AnswerMessage, RequestMessage, TargetAnswer, TargetFailure, TokenUsage } from "../targets/contract.ts";

export type GraderType = Assertion["type"];
/** An assertion of one type. */
export type AssertionOf<Type extends GraderType> = Extract<Assertion, { type: Type }>;

/** Judges answers by one kind of assertion. One file each in `graders/`, listed in `graders/index.ts`. */
export interface Grader<Type extends GraderType> {
	/** The types it grades: variants of one rule share a grader. */
	readonly types: readonly Type[];
	/**
	 * Raised when the same answer may be graded differently than before; part of the row's fingerprint. Graders with built-in prompts
	 * give a digest of them.
	 */
	readonly version?: string;
	/**
	 * Whether the same record gets the same score wherever it is graded: judged is by nothing but the answer's text, tool calls, tokens,
	 * cost and time, and the expected output. No program, no model, no file, no services. `results verify` grades these again.
	 */
	reproducible(assertion: AssertionOf<Type>): boolean;
	/** What is wrong before any test starts (a missing interpreter, an unreadable prompt file): a sentence without a full stop. */
	check?(assertion: AssertionOf<Type>, services: GraderServices): Promise<string | undefined>;
	/**
	 * The raw score: `negate`, `min_score`, `required` and `weight` are applied by the caller. May answer at once or later. Never
	 * rejects for what a program or a model does: that is `CouldNotRun`.
	 */
	grade(assertion: AssertionOf<Type>, subject: Subject, services: GraderServices): Grade | Promise<Grade>;
}

export type Grade = Score | CouldNotRun;

/** One statement about the answer, and whether it holds. */
export interface Finding {
	readonly text: string;
	readonly passed: boolean;
	readonly evidence?: string | undefined;
}

export interface Score {
	/** From 0 to 1. */
	readonly score: number;
	readonly assertions: readonly Finding[];
	/** What the grader says of its result apart from the score. A stated failure fails the grader and the test, whatever the score. */
	readonly stated?: "pass" | "fail";
	/** Anything else a grader wants recorded; written as it is, secrets redacted. */
	readonly details?: Readonly<Record<string, unknown>>;
	/** What grading itself cost, kept apart from the tested target's. */
	readonly usage?: GraderUsage;
	/** What the graders inside a composite came to. */
	readonly parts?: readonly GraderResult[];
}

export interface GraderUsage {
	readonly target: string;
	readonly model?: string;
	readonly tokenUsage?: TokenUsage;
	readonly costUsd?: number;
}

/** The grader gave no judgement: the test becomes an execution error, never a low score. */
export interface CouldNotRun {
	readonly couldNotRun: {
		/** Short and stable: `not-found`, `timeout`, `signal`, `exit-code`, `model`, `bad-reply`, `no-data`, `crashed`. */
		readonly code: string;
		/** A sentence without a full stop. */
		readonly message: string;
	};
	readonly usage?: GraderUsage;
	/** What the graders inside a composite came to, those that could not run included. */
	readonly parts?: readonly GraderResult[];
}

/** A score with what the assertion makes of it: negated, compared with `min_score`. */
export interface GradedAssertion extends Omit<Score, "parts"> {
	readonly name: string;
	readonly type: string;
	readonly weight: number;
	readonly required: boolean;
	readonly verdict: "pass" | "fail";
	/** The grader itself states that the answer fails, although its score would pass: the test fails with it. */
	readonly veto?: true;
	readonly parts?: readonly GraderResult[];
}

/** A grader that could not run, as attempts record it. */
export interface UngradedAssertion
	extends Pick<GradedAssertion, "name" | "type" | "weight" | "required" | "usage" | "parts"> {
	readonly verdict: "not_judged";
	readonly score: null;
	readonly assertions: readonly Finding[];
	readonly error: CouldNotRun["couldNotRun"];
}

export type GraderResult = GradedAssertion | UngradedAssertion;

/** What is judged: the answer to a test (or to one turn of it) and everything known about how it came about. */
export interface Subject {
	readonly testId: string;
	readonly attempt: number;
	readonly input: readonly RequestMessage[];
	/** The question as one text, as a target got it. */
	readonly prompt: string;
	/** Input files as text, after `preprocessors`, with the path as the eval writes it. Read when first asked for. */
	readonly inputFiles: () => Promise<readonly InputFileText[]>;
	readonly criteria?: string;
	readonly expectedOutput?: string;
	/** The final answer; where `outputFile` is given, its beginning. */
	readonly output: string;
	/** The whole answer, where it is too large for memory. */
	readonly outputFile?: string;
	/** What the target produced, in order. */
	readonly messages: readonly AnswerMessage[];
	/** All tool calls of `messages`, in order. */
	readonly toolCalls: readonly ToolCall[];
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly tokenUsage?: TokenUsage;
	readonly costUsd?: number;
	readonly durationMs?: number;
	readonly llmCalls?: number;
	/** Unified diff of what the target did in the workspace. */
	readonly fileChanges?: string;
	readonly workspacePath?: string;
	/** The test's threshold; a `required` grader without `min_score` must reach it. */
	readonly threshold: number;
}

export interface InputFileText {
	readonly path: string;
	/** Absolute. */
	readonly file: string;
	/** Text after preprocessing; `undefined` where the file is binary and nothing turns it into text. */
	readonly text?: string;
}

export interface GraderServices {
	readonly env: Environment;
	readonly scope: EvalScope;
	readonly view: DiskView;
	readonly runCommand: CommandRunner;
	/** `AGENTV_WORKSPACE_PATH`, `AGENTV_EXPERIMENT` and `AGENTV_RUN_TIMESTAMP` of this attempt, for programs. */
	readonly programEnv: Readonly<Record<string, string>>;
	/** A directory of this attempt's own, made when first asked for, removed when it is recorded. */
	readonly scratch: Scratch;
	readonly signal: AbortSignal;
	/** Grades a part of a composite like any other assertion. */
	readonly gradePart: (assertion: Assertion, subject: Subject) => Promise<GraderResult>;
	/**
	 * Asks the grader model: the target named `target`, else the tested target's `grader_target`, else the tested target if it is
	 * an LLM. One call, with the runner's own retries for what can pass; trying again after a bad reply is the grader's business.
	 */
	readonly askModel: (question: GraderQuestion) => Promise<GraderReply>;
}

export interface GraderQuestion {
	/** `target` of the assertion. */
	readonly target?: string;
	readonly messages: readonly RequestMessage[];
	readonly answerSchema?: { readonly name: string; readonly schema: Readonly<Record<string, unknown>> };
	/** Whether the grader can use an answer: one that it can't use is not kept for later questions. */
	readonly isUsable?: (answer: TargetAnswer) => boolean;
}

export type GraderReply =
	| { readonly ok: true; readonly answer: TargetAnswer; readonly usage: GraderUsage }
	| { readonly ok: false; readonly failure: TargetFailure; readonly usage?: GraderUsage };
