import type { z } from "zod";
import type { CommandRunner } from "../eval/command.ts";
import type { EvalScope } from "../eval/discover-evals.ts";
import type { TargetWith } from "../eval/resolve-target.ts";
import type { DiskView } from "../eval/source.ts";
import type { Role, ToolCall } from "../format/eval-file.ts";
import type { CachedFigures, ErrorCause, StopReason } from "../format/run-file.ts";
import type { CommonSettings } from "../format/target-file.ts";
import { AgentvError } from "../lib/errors.ts";
import { deepestJson, nestsDeeper } from "../lib/json.ts";
import type { Scratch } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { listEntry } from "../machine/find-files.ts";
import type { ProcessResult } from "../machine/run-process.ts";

export interface TargetServices {
	/** The process's environment, merged over the eval's `.env` files; programs inherit it. */
	readonly env: Environment;
	/** Without a workspace, its directory is the working directory. */
	readonly scope: EvalScope;
	readonly view: DiskView;
	readonly runCommand: CommandRunner;
	/** Names of variables with keys of model vendors: an agent's program only gets its own. */
	readonly vendorKeys: readonly string[];
	/** Of the run's other targets: an agent's program gets no variable with one of them. */
	readonly otherKeys?: readonly string[];
}

/** A system under test, created once per run and used by several tests concurrently. */
export interface Target {
	/** Runs before any test. Undefined if no program, key or file is missing. */
	check(signal: AbortSignal): Promise<TargetProblem | undefined>;
	/** Returns a `TargetFailure` instead of rejecting if the target fails; the runner retries. */
	invoke(request: TargetRequest): Promise<TargetOutcome>;
	/** Called once, after `check`: `{version: "1.2.3"}`. Must not contain secrets. */
	describe?(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
	/** Called once, at the end of the run. */
	close?(): Promise<void>;
}

export interface TargetProblem {
	readonly message: string;
	readonly hint?: string;
}

export function asProblem(error: unknown): TargetProblem {
	if (!(error instanceof AgentvError)) throw error;
	return { message: error.message, ...known({ hint: error.hint }) };
}

/** Returns undefined if the program ended by itself. @param said its output, for the message */
export function abnormalEnd(
	what: string,
	{ startError, timedOut, aborted, signal }: ProcessResult,
	said: string,
): { readonly code: "not-found" | "timeout" | "interrupted" | "signal"; readonly message: string } | undefined {
	if (startError) return { code: "not-found", message: `${what} could not be started: ${startError.message}` };
	if (timedOut) return { code: "timeout", message: `${what} timed out${said}` };
	if (aborted) return { code: "interrupted", message: `${what} was interrupted` };
	return signal === null ? undefined : { code: "signal", message: `${what} was ended by ${signal}${said}` };
}

export type RequestPiece =
	| { readonly type: "text"; readonly text: string }
	| {
			readonly type: "file" | "image";
			readonly path: string;
			/** As written in the eval, for prompts. */
			readonly name: string;
			readonly mediaType?: string;
	  };

export interface RequestMessage {
	readonly role: Role;
	readonly name?: string;
	readonly content: readonly RequestPiece[];
	readonly toolCalls?: readonly ToolCall[];
}

export interface TargetRequest {
	readonly testId: string;
	/** 1-based repeat of a test; retries of one attempt share it. */
	readonly attempt: number;
	/** Includes earlier turns; in `mode: conversation` with their answers. */
	readonly messages: readonly RequestMessage[];
	/** A single user message is its bare text; several are marked by role. */
	readonly prompt: string;
	/** Absolute paths of all file and image pieces, in order. */
	readonly files: readonly string[];
	/** Absolute; absent if the eval has no workspace. */
	readonly workspacePath?: string;
	/** Returned by extensions as `provider_context`; includes `agent_rules_paths`. */
	readonly providerContext: Readonly<Record<string, unknown>>;
	/** From the conversation's previous answer; undefined in the first turn. */
	readonly session?: unknown;
	/** Created on first use, and removed once the attempt is recorded. */
	readonly scratch: Scratch;
	/** Aborted by Ctrl-C and the time limit; must end everything, including grandchildren. */
	readonly signal: AbortSignal;
	/** The time limit that `signal` enforces, for protocols that need it. */
	readonly timeoutMs?: number;
	readonly log?: (text: string) => void;
	/** Only set by LLM graders; a target that can't enforce it may ignore it. */
	readonly answerSchema?: { readonly name: string; readonly schema: Readonly<Record<string, unknown>> };
}

/** `input` includes `cached`, `output` includes `reasoning`. */
export interface TokenUsage {
	readonly input: number;
	readonly output: number;
	readonly cached?: number | undefined;
	readonly reasoning?: number | undefined;
}

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
	readonly content: string;
	readonly parts?: readonly AnswerPart[];
	readonly toolCalls?: readonly ToolCall[];
	readonly durationMs?: number;
}

export interface TargetAnswer {
	/** The last assistant message's text; if there is a `textFile`, its first 10 MB. */
	readonly text: string;
	/** File in `scratch` with the whole answer, if it is too large for memory. */
	readonly textFile?: string;
	/** In order, with tool calls on their messages. Empty for one assistant message with `text`. */
	readonly messages: readonly AnswerMessage[];
	readonly tokenUsage?: TokenUsage;
	/** US dollars, reported by the target or computed from its `pricing`. */
	readonly costUsd?: number;
	/** Reported by the target; otherwise the runner measures it. */
	readonly durationMs?: number;
	readonly llmCalls?: number;
	/** Set if the answer ended early: a refusal is an answer, a truncated one is not graded. */
	readonly stopReason?: StopReason;
	/** The original figures of a cached answer; the others are those of this run. */
	readonly cached?: CachedFigures;
	/** Problems with the target's report: sentences without a full stop. */
	readonly warnings?: readonly string[];
	readonly session?: unknown;
	/** For the record, redacted: model version, finish reason, request id. */
	readonly metadata?: Readonly<Record<string, unknown>>;
}

export function requestVariables({ providerContext, workspacePath }: TargetRequest): Readonly<Record<string, string>> {
	const context = JSON.stringify(providerContext);
	return { AGENTV_PROVIDER_CONTEXT: context, ...known({ AGENTV_WORKSPACE_PATH: workspacePath }) };
}

export interface TargetFailure {
	readonly causedBy?: ErrorCause;
	/** Stable: `timeout`, `not-found`, `exit-code`, `signal`, `http-429`, `bad-answer`, … */
	readonly code: string;
	/** A sentence without a full stop; may quote the program's output. */
	readonly message: string;
	/** Whether the same call can succeed later: 429, 5xx, reset connections, timeouts. */
	readonly retryable: boolean;
	/** From `Retry-After`. */
	readonly retryAfterMs?: number;
	/** An HTTP status, for `retry_status_codes`. */
	readonly status?: number;
	readonly partial?: Partial<TargetAnswer>;
}

export type TargetOutcome =
	| { readonly ok: true; readonly answer: TargetAnswer }
	| { readonly ok: false; readonly failure: TargetFailure };

type Known<Fields> = { [Key in keyof Fields as undefined extends Fields[Key] ? never : Key]: Fields[Key] } & {
	[Key in keyof Fields as undefined extends Fields[Key] ? Key : never]?: Exclude<Fields[Key], undefined>;
};

export function known<Fields extends object>(fields: Fields): Known<Fields> {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Known<Fields>;
}

const words: Readonly<Record<string, StopReason>> = {
	refusal: "refusal",
	refused: "refusal",
	length: "length",
	max_tokens: "length",
	max_output_tokens: "length",
	max_completion_tokens: "length",
	model_length: "length",
	model_context_window_exceeded: "length",
	content_filter: "content_filter",
	content_filtered: "content_filter",
	safety: "content_filter",
	recitation: "content_filter",
	blocklist: "content_filter",
	prohibited_content: "content_filter",
	spii: "content_filter",
	max_turns: "max_turns",
	max_turn_requests: "max_turns",
};

/** Returns undefined for `stop`, `end_turn` and unknown words. */
export function stopReasonOf(word: unknown): StopReason | undefined {
	if (typeof word !== "string") return undefined;
	const key = word.trim().toLowerCase().replaceAll("-", "_");
	return Object.hasOwn(words, key) ? words[key] : undefined;
}

/** Completes "the answer …". */
export const cutShort: Readonly<Record<Exclude<StopReason, "refusal">, string>> = {
	length: "was truncated at the length limit",
	content_filter: "was stopped by a content filter",
	max_turns: "was truncated at the turn limit",
};

/** Bytes of one answer: its text, and its messages with their tool calls as JSON. */
export const largestAnswer = 64 * 1024 * 1024;
/** Includes tool calls. */
export const mostMessages = 20_000;

export function tooLarge(what: string): TargetFailure {
	return { code: "answer-too-large", message: `the answer ${what}`, retryable: false, causedBy: "agent" };
}

export function withinLimits(outcome: TargetOutcome): TargetOutcome {
	const { text = "", messages = [], textFile, ...figures } = answerOf(outcome);
	const problem = problemOf(text, messages, textFile);
	if (problem === undefined) return outcome;
	const failure = outcome.ok ? tooLarge(problem) : outcome.failure;
	return { ok: false, failure: { ...failure, partial: figures } };
}

function answerOf(outcome: TargetOutcome): Partial<TargetAnswer> {
	return (outcome.ok ? outcome.answer : outcome.failure.partial) ?? {};
}

function problemOf(text: string, messages: readonly AnswerMessage[], textFile: string | undefined): string | undefined {
	const count = messages.reduce((sum, { toolCalls }) => sum + 1 + (toolCalls?.length ?? 0), 0);
	if (count > mostMessages) return `has more than ${mostMessages} messages and tool calls`;
	let size = textFile === undefined ? Buffer.byteLength(text) : listEntry(textFile).size;
	for (const message of messages) {
		if (size > largestAnswer) break;
		// The last message usually equals the text.
		if (message.content !== text || message.toolCalls) size += Buffer.byteLength(JSON.stringify(message));
	}
	return size > largestAnswer ? `is larger than ${largestAnswer / 1024 / 1024} MB` : undefined;
}

/** Removes impossible figures, and tool call data that is too deep, with a warning for each. */
export function withCheckedFigures(outcome: TargetOutcome): TargetOutcome {
	if (outcome.ok) {
		const { text, messages } = outcome.answer;
		return { ok: true, answer: { text, messages, ...checked(outcome.answer) } };
	}
	const { partial } = outcome.failure;
	return partial ? { ok: false, failure: { ...outcome.failure, partial: checked(partial) } } : outcome;
}

function checked(answer: Partial<TargetAnswer>): Partial<TargetAnswer> {
	const { tokenUsage, costUsd, durationMs, llmCalls, messages, warnings = [], ...rest } = answer;
	const problems: string[] = [...warnings];
	const kept: Kept = (key, value, isPossible) => {
		if (value === undefined || isPossible(value)) return value;
		problems.push(`the target reports ${String(value)} as ${names[key] ?? key}, which is impossible: it is ignored`);
		return undefined;
	};
	return {
		...rest,
		...known({
			tokenUsage: tokenUsage && checkedTokens(tokenUsage, kept),
			messages: messages && checkedMessages(messages, problems),
			costUsd: kept("costUsd", costUsd, isCost),
			durationMs: kept("durationMs", durationMs, isDuration),
			llmCalls: kept("llmCalls", llmCalls, isCount),
		}),
		...(problems.length > 0 ? { warnings: problems } : {}),
	};
}

const names: Readonly<Record<string, string>> = {
	costUsd: "its cost in US dollars",
	durationMs: "its duration in milliseconds",
	llmCalls: "its number of model calls",
	input: "its input tokens",
	output: "its output tokens",
	cached: "its cached tokens",
	reasoning: "its reasoning tokens",
};

/** Larger figures must be in another unit, or wrong. */
const maxFigures = { count: 1e12, dollars: 1e6, milliseconds: 366 * 24 * 3600 * 1000 };

function isCount(value: number): boolean {
	return Number.isSafeInteger(value) && value >= 0 && value <= maxFigures.count;
}

function isCost(value: number): boolean {
	return typeof value === "number" && value >= 0 && value <= maxFigures.dollars;
}

function isDuration(value: number): boolean {
	return typeof value === "number" && value >= 0 && value <= maxFigures.milliseconds;
}

function checkedMessages(messages: readonly AnswerMessage[], problems: string[]): readonly AnswerMessage[] {
	const calls = messages.flatMap(({ toolCalls = [] }) => toolCalls);
	const areTimesWrong = calls.some(({ durationMs }) => durationMs !== undefined && !isDuration(durationMs));
	const areTooDeep = calls.some(({ input, output }) => nestsDeeper(input) || nestsDeeper(output));
	if (areTimesWrong) problems.push("the target reports impossible durations of tool calls: they are ignored");
	if (areTooDeep)
		problems.push(
			`the target reports data of tool calls that nests more than ${deepestJson} levels deep: it is ignored`,
		);
	if (!areTimesWrong && !areTooDeep) return messages;
	const checkedCall = ({ durationMs, input, output, ...call }: ToolCall): ToolCall => ({
		...call,
		...known({
			input: nestsDeeper(input) ? undefined : input,
			output: nestsDeeper(output) ? undefined : output,
			durationMs: durationMs !== undefined && isDuration(durationMs) ? durationMs : undefined,
		}),
	});
	return messages.map(({ toolCalls, ...message }) => ({
		...message,
		...known({ toolCalls: toolCalls?.map(checkedCall) }),
	}));
}

type Kept = (key: string, value: number | undefined, isPossible: (value: number) => boolean) => number | undefined;

/** Input and output only count together: one alone would make the sum too small. */
function checkedTokens({ input, output, cached, reasoning }: TokenUsage, kept: Kept): TokenUsage | undefined {
	const whole = [kept("input", input, isCount), kept("output", output, isCount)];
	if (whole.includes(undefined)) return undefined;
	const parts = { cached: kept("cached", cached, isCount), reasoning: kept("reasoning", reasoning, isCount) };
	return { input, output, ...known(parts) };
}

/** US dollars per million tokens; `cached` defaults to `input`. */
export interface Pricing {
	readonly input?: number | undefined;
	readonly output?: number | undefined;
	readonly cached?: number | undefined;
}

/** Prefers the server's `usage.cost` to the target's `pricing`. */
export function costOf(body: unknown, usage: TokenUsage | undefined, pricing: Pricing | undefined): number | undefined {
	const told = (body as { usage?: { cost?: unknown } } | undefined)?.usage?.cost;
	if (typeof told === "number") return told;
	if (!usage || !pricing) return undefined;
	const cached = usage.cached ?? 0;
	const input =
		Math.max(0, usage.input - cached) * (pricing.input ?? 0) + cached * (pricing.cached ?? pricing.input ?? 0);
	return (input + usage.output * (pricing.output ?? 0)) / 1_000_000;
}

export interface ProviderFacts<Name extends string, Settings extends z.ZodType> {
	/** The `provider` in targets files. */
	readonly name: Name;
	readonly aliases?: readonly string[];
	/** For the table in docs/targets.md. */
	readonly runs: string;
	readonly needs: string;
	readonly cost: string;
	readonly settings: Settings;
	/** Returns a setting that other settings exclude, as spelled in files. */
	misuse?(wire: Readonly<Record<string, unknown>>): { readonly key: string; readonly hint: string } | undefined;
	/** Must be cheap and without I/O: connections and processes start in `check` or `invoke`. */
	create(target: TargetWith<Name, z.output<Settings>>, services: TargetServices): Target;
}

export type Definition<Name extends string, Settings extends z.ZodType> = Omit<
	ProviderFacts<Name, Settings>,
	"create" | "needs" | "cost"
> &
	Partial<Pick<ProviderFacts<Name, Settings>, "needs" | "cost">>;

/** Models are retried by default, can grade and be cached, and are called over HTTP. */
export interface ModelFacts {
	readonly kind: "model";
	/** The vendor's own base URL. */
	readonly address: string;
	/** Names a variable with the customer's part of the host; `resource_name` overrides it. */
	readonly resourceVariable?: string;
	/** Variables with the vendor's key; the first that is set counts. */
	readonly keys: readonly [string, ...string[]];
	readonly recommendedKey?: string;
}

/** Agents work in the workspace, and are programs that inherit the environment. */
export interface AgentFacts {
	readonly kind: "agent";
	readonly executable: string | undefined;
	/** Variables with keys that it may read. */
	readonly keys: readonly string[];
}

/** A kind of system under test: one file each in `providers/`, one line in their list. */
export type Provider<
	Name extends string = string,
	Settings extends z.ZodType = z.ZodType<CommonSettings>,
> = ProviderFacts<Name, Settings> & (ModelFacts | AgentFacts | { readonly kind: "program" | "offline" });

/** Infers the settings of `create` from the schema. */
export function defineProvider<const Name extends string, Settings extends z.ZodType>(
	provider: Provider<Name, Settings>,
): Provider<Name, Settings> {
	return provider;
}
