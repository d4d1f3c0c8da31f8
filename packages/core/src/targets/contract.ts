import type { Environment } from "../io/environment.ts";
import type { Scratch } from "../io/files/scratch.ts";
import type { CommandRunner } from "../model/command-runner.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { EvalScope } from "../model/eval-scope.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { Role, ToolCall } from "../schema/message.ts";
import type { CachedFigures, ErrorCause, StopReason } from "../schema/result-row.ts";
import type { ProviderName } from "../schema/target-file.ts";

/** A resolved target of one provider. */
export type TargetOf<Name extends ProviderName> = Extract<ResolvedTarget, { provider: Name }>;

/** One kind of system under test. One file each in `providers/`, listed in `providers/index.ts`, loaded when a used target needs it. */
export interface Provider<Name extends ProviderName> {
	readonly provider: Name;
	/** Cheap and without I/O: connections and processes begin in `check` or `invoke`. */
	create(target: TargetOf<Name>, services: TargetServices): Target;
}

/** What the runner hands to every target. */
export interface TargetServices {
	/** The eval's environment: that of the process with `.env` files laid under it. Programs inherit it. */
	readonly env: Environment;
	/** Of the eval that uses the target; its directory is the default working directory without a workspace. */
	readonly scope: EvalScope;
	readonly view: DiskView;
	readonly runCommand: CommandRunner;
	/** Keys of the run's other targets: an agent's program gets no variable that holds one. */
	readonly otherKeys?: readonly string[];
}

/** A system under test, made once a run and used by several tests at once. */
export interface Target {
	/** Looks, before any test starts, for what would fail all of them: a missing program, key or file. `undefined`: fit to run. */
	check(signal: AbortSignal): Promise<TargetProblem | undefined>;
	/** Asks once. Never rejects for what the system under test does: that is a `TargetFailure`. Retrying is the runner's business. */
	invoke(request: TargetRequest): Promise<TargetOutcome>;
	/** What ran, for the record: `{version: "1.2.3"}`. Called once, after `check`; secrets stay out. */
	describe?(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
	/** Ends what it keeps open. Called once, at the end of the run. */
	close?(): Promise<void>;
}

/** Why no test can run against a target. A sentence without a full stop, and what to do about it. */
export interface TargetProblem {
	readonly message: string;
	readonly hint?: string;
}

/** A piece of a message as a target sees it. Files are absolute paths that exist, not yet read. */
export type RequestPiece =
	| { readonly type: "text"; readonly text: string }
	| {
			readonly type: "file" | "image";
			readonly path: string;
			/** The path as the eval writes it, for prompts. */
			readonly name: string;
			readonly mediaType?: string;
	  };

export interface RequestMessage {
	readonly role: Role;
	/** Who speaks, as graders and records see it. */
	readonly name?: string;
	readonly content: readonly RequestPiece[];
	readonly toolCalls?: readonly ToolCall[];
}

/** One question to a target. */
export interface TargetRequest {
	readonly testId: string;
	/** Counts the repeats of a test from 1; retries of one attempt share it. */
	readonly attempt: number;
	/** The whole conversation so far; in `mode: conversation` the answers of earlier turns are in it. */
	readonly messages: readonly RequestMessage[];
	/** The conversation as one text: a single user message is its bare text, several are marked by role. */
	readonly prompt: string;
	/** Absolute paths of all file and image pieces, in order. */
	readonly files: readonly string[];
	/** Absolute; absent where the eval has no workspace. */
	readonly workspacePath?: string;
	/** What extensions returned as `provider_context`, `agent_rules_paths` included. */
	readonly providerContext: Readonly<Record<string, unknown>>;
	/** What `session` of this conversation's previous answer was; `undefined` in the first turn. */
	readonly session?: unknown;
	/**
	 * A directory of this attempt's own for prompt files, answer files and spilled output, made when first asked for. Removed when the
	 * attempt is recorded.
	 */
	readonly scratch: Scratch;
	/** Aborted by Ctrl-C and by the time limit: whatever runs for this request ends with it, grandchildren included. */
	readonly signal: AbortSignal;
	/** The time limit that `signal` enforces, for protocols that want to know it. */
	readonly timeoutMs?: number;
	/** Takes what the target prints in addition to its answer, for the attempt's record. */
	readonly log?: (text: string) => void;
	/** The answer has to be JSON of this schema. Only LLM graders ask so; targets that can't force it may ignore it. */
	readonly answerSchema?: { readonly name: string; readonly schema: Readonly<Record<string, unknown>> };
}

/** Counts of one answer. `input` includes `cached`, `output` includes `reasoning`. */
export interface TokenUsage {
	readonly input: number;
	readonly output: number;
	readonly cached?: number | undefined;
	readonly reasoning?: number | undefined;
}

/** A piece of a message that a target produced, if that is more than text. */
export type AnswerPart =
	| { readonly type: "text"; readonly text: string }
	| {
			readonly type: "file" | "image";
			/** As the target gave it: relative to the workspace, absolute, or the address of an image. */
			readonly path: string;
			readonly mediaType?: string;
	  };

/** A message that a target produced. */
export interface AnswerMessage {
	readonly role: Role;
	/** Its text; a file or image is `[file: path]` in it. */
	readonly content: string;
	/** Its pieces, if some are files or images. */
	readonly parts?: readonly AnswerPart[];
	readonly toolCalls?: readonly ToolCall[];
	readonly durationMs?: number;
}

export interface TargetAnswer {
	/** The final answer: the last assistant message's text. Where `textFile` is given, its beginning (at most 10 MB). */
	readonly text: string;
	/** File in `scratch` that holds the whole answer, where it is too large for memory. */
	readonly textFile?: string;
	/** What was produced in this turn, in order, tool calls on the messages that made them. Empty: one assistant message of `text`. */
	readonly messages: readonly AnswerMessage[];
	readonly tokenUsage?: TokenUsage;
	/** US dollars, as the target reports it or from its `pricing`. */
	readonly costUsd?: number;
	/** As the target reports it; the runner measures otherwise. */
	readonly durationMs?: number;
	/** Calls of a language model behind this answer, where known. */
	readonly llmCalls?: number;
	/** Set if the answer ended before its own end: a refusal is an answer, one that was cut is not graded. */
	readonly stopReason?: StopReason;
	/** Of an answer from the cache: what it took when it was made. The other figures say what it took now. */
	readonly cached?: CachedFigures;
	/** What is wrong with what the target reports, for the record: sentences without a full stop. */
	readonly warnings?: readonly string[];
	/** Handed back as `session` in the next turn of the same conversation. */
	readonly session?: unknown;
	/** Small facts for the record: model version, finish reason, request id. Redacted like everything that is recorded. */
	readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Why there is no answer. */
export interface TargetFailure {
	/** Who failed, if the target knows; otherwise the runner decides. */
	readonly causedBy?: ErrorCause;
	/** Short and stable: `timeout`, `not-found`, `exit-code`, `signal`, `http-429`, `bad-answer`, … */
	readonly code: string;
	/** A sentence without a full stop; may quote what the program said. */
	readonly message: string;
	/** Whether the same call may succeed later: 429, 5xx, reset connections, timeouts. */
	readonly retryable: boolean;
	/** What `Retry-After` asked for. */
	readonly retryAfterMs?: number;
	/** An HTTP status, for `retry_status_codes`. */
	readonly status?: number;
	/** What was said before it failed, for the record. */
	readonly partial?: Partial<TargetAnswer>;
}

export type TargetOutcome =
	| { readonly ok: true; readonly answer: TargetAnswer }
	| { readonly ok: false; readonly failure: TargetFailure };
