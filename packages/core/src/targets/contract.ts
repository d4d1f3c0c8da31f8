import type { Environment } from "../io/environment.ts";
import type { Scratch } from "../io/files/scratch.ts";
import type { CommandRunner } from "../model/command-runner.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { EvalScope } from "../model/eval-scope.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { Role, ToolCall } from "../schema/message.ts";
import type { CachedFigures, ErrorCause, StopReason } from "../schema/result-row.ts";
import type { ProviderName } from "../schema/target-file.ts";

export type TargetOf<Name extends ProviderName> = Extract<ResolvedTarget, { provider: Name }>;

/** A kind of system under test. One file each in `providers/`, loaded when needed. */
export interface Provider<Name extends ProviderName> {
	readonly provider: Name;
	/** Cheap and without I/O: connections and processes start in `check` or `invoke`. */
	create(target: TargetOf<Name>, services: TargetServices): Target;
}

/** What the runner passes to every target. */
export interface TargetServices {
	/** The eval's environment: the process's merged over `.env` files. Programs inherit it. */
	readonly env: Environment;
	/** Without a workspace, its directory is the working directory. */
	readonly scope: EvalScope;
	readonly view: DiskView;
	readonly runCommand: CommandRunner;
	/** Keys of the run's other targets: an agent's program gets no variable with one of them. */
	readonly otherKeys?: readonly string[];
}

/** A system under test, created once per run and used by several tests concurrently. */
export interface Target {
	/** Checks before any test for a missing program, key or file. Undefined: ready. */
	check(signal: AbortSignal): Promise<TargetProblem | undefined>;
	/** Never rejects because of the target: that is a `TargetFailure`. The runner retries. */
	invoke(request: TargetRequest): Promise<TargetOutcome>;
	/** Called once, after `check`: `{version: "1.2.3"}`. Must not contain secrets. */
	describe?(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
	/** Closes what it keeps open. Called once, at the end of the run. */
	close?(): Promise<void>;
}

/** Why no test can use a target: a sentence without a full stop, and what to do about it. */
export interface TargetProblem {
	readonly message: string;
	readonly hint?: string;
}

/** A piece of a message for a target. Files are absolute paths that exist, not read yet. */
export type RequestPiece =
	| { readonly type: "text"; readonly text: string }
	| {
			readonly type: "file" | "image";
			readonly path: string;
			/** The path as written in the eval, for prompts. */
			readonly name: string;
			readonly mediaType?: string;
	  };

export interface RequestMessage {
	readonly role: Role;
	/** The speaker, for graders and records. */
	readonly name?: string;
	readonly content: readonly RequestPiece[];
	readonly toolCalls?: readonly ToolCall[];
}

/** A request to a target. */
export interface TargetRequest {
	readonly testId: string;
	/** 1-based repeat of a test; retries of one attempt share it. */
	readonly attempt: number;
	/** Including earlier turns; in `mode: conversation` with their answers. */
	readonly messages: readonly RequestMessage[];
	/** A single user message is its bare text, several are marked by role. */
	readonly prompt: string;
	/** Absolute paths of all file and image pieces, in order. */
	readonly files: readonly string[];
	/** Absolute; absent if the eval has no workspace. */
	readonly workspacePath?: string;
	/** What extensions returned as `provider_context`, including `agent_rules_paths`. */
	readonly providerContext: Readonly<Record<string, unknown>>;
	/** `session` of this conversation's previous answer; undefined in the first turn. */
	readonly session?: unknown;
	/** For temporary files of this attempt; created on first use, removed once recorded. */
	readonly scratch: Scratch;
	/** Aborted by Ctrl-C and the time limit: ends everything, including grandchildren. */
	readonly signal: AbortSignal;
	/** The time limit that `signal` enforces, for protocols that need it. */
	readonly timeoutMs?: number;
	/** Receives additional output of the target, for the attempt's record. */
	readonly log?: (text: string) => void;
	/** Only set by LLM graders; targets that can't enforce it may ignore it. */
	readonly answerSchema?: { readonly name: string; readonly schema: Readonly<Record<string, unknown>> };
}

/** `input` includes `cached`, `output` includes `reasoning`. */
export interface TokenUsage {
	readonly input: number;
	readonly output: number;
	readonly cached?: number | undefined;
	readonly reasoning?: number | undefined;
}

/** A piece of a target's message that is not only text. */
export type AnswerPart =
	| { readonly type: "text"; readonly text: string }
	| {
			readonly type: "file" | "image";
			/** As reported by the target: relative to the workspace, absolute, or the URL of an image. */
			readonly path: string;
			readonly mediaType?: string;
	  };

export interface AnswerMessage {
	readonly role: Role;
	/** Its text, with `[file: path]` for a file or image. */
	readonly content: string;
	/** Its pieces, if any are files or images. */
	readonly parts?: readonly AnswerPart[];
	readonly toolCalls?: readonly ToolCall[];
	readonly durationMs?: number;
}

export interface TargetAnswer {
	/** The last assistant message's text. With `textFile`, its first 10 MB. */
	readonly text: string;
	/** File in `scratch` with the whole answer, if it is too large for memory. */
	readonly textFile?: string;
	/** In order, tool calls on their messages. Empty: one assistant message of `text`. */
	readonly messages: readonly AnswerMessage[];
	readonly tokenUsage?: TokenUsage;
	/** US dollars, as the target reports it or from its `pricing`. */
	readonly costUsd?: number;
	/** As the target reports it; otherwise the runner measures it. */
	readonly durationMs?: number;
	/** Calls of a language model for this answer, if known. */
	readonly llmCalls?: number;
	/** Set if the answer ended early: a refusal is an answer, a truncated one is not graded. */
	readonly stopReason?: StopReason;
	/** The original figures of a cached answer. The other figures are those of this run. */
	readonly cached?: CachedFigures;
	/** Problems of the target's report, for the record: sentences without a full stop. */
	readonly warnings?: readonly string[];
	/** Passed back as `session` in the next turn of the same conversation. */
	readonly session?: unknown;
	/** For the record, redacted: model version, finish reason, request id. */
	readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface TargetFailure {
	/** Who failed, if the target knows; otherwise the runner decides. */
	readonly causedBy?: ErrorCause;
	/** Short and stable: `timeout`, `not-found`, `exit-code`, `signal`, `http-429`, `bad-answer`, … */
	readonly code: string;
	/** A sentence without a full stop; can quote the program's output. */
	readonly message: string;
	/** Whether the same call can succeed later: 429, 5xx, reset connections, timeouts. */
	readonly retryable: boolean;
	/** From `Retry-After`. */
	readonly retryAfterMs?: number;
	/** An HTTP status, for `retry_status_codes`. */
	readonly status?: number;
	/** What was received before the failure, for the record. */
	readonly partial?: Partial<TargetAnswer>;
}

export type TargetOutcome =
	| { readonly ok: true; readonly answer: TargetAnswer }
	| { readonly ok: false; readonly failure: TargetFailure };
