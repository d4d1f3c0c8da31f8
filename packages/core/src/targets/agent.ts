import type { CommandSpec } from "../eval/command.ts";
import type { ToolCall } from "../format/eval-file.ts";
import type { ProviderSettings } from "../format/target-file.ts";
import type { Environment } from "../machine/environment.ts";
import type {
	AnswerMessage,
	RequestPiece,
	Target,
	TargetAnswer,
	TargetFailure,
	TargetOf,
	TargetOutcome,
	TargetRequest,
	TargetServices,
	TokenUsage,
} from "./contract.ts";
import { checkCommand, processFailure } from "./read-answer.ts";

/** Missing fields and those of another type are `undefined` or empty. */

export type Fields = Readonly<Record<string, unknown>>;

export function record(value: unknown): Fields {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function records(value: unknown): readonly Fields[] {
	return Array.isArray(value) ? value.map(record) : [];
}

export function text(value: unknown): string | undefined {
	return typeof value === "string" ? value : undefined;
}

/** An impossible amount becomes `NaN`, also in sums, so that it is rejected later. */
export function count(value: unknown): number | undefined {
	if (typeof value !== "number") return undefined;
	return Number.isFinite(value) && value >= 0 ? value : Number.NaN;
}

/** Returns content given as text or as a list of `{type: "text", text}` blocks; else undefined. */
export function contentText(value: unknown): string | undefined {
	if (typeof value === "string") return value;
	if (!Array.isArray(value)) return undefined;
	return records(value)
		.flatMap((block) => text(block.text) ?? [])
		.join("\n");
}

/** Returns `{key: value}`, or `{}` without a value. */
export function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
	return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
}

export type AgentSettings = ProviderSettings<"claude">;

/** How to run one agent's command line. One file each in `providers/`. */
export interface AgentProtocol {
	/** The default program, without the target's `executable`. */
	readonly executable: string;
	/** Arguments that print its version. */
	readonly versionArgs: readonly string[];
	/** Never includes the prompt, which can be too long and begin with `-`. */
	args(settings: AgentSettings, request: TargetRequest): readonly string[];
	/** `prompt` is the question, or its new part if the agent resumes its session. */
	input(settings: AgentSettings, prompt: string): string;
	/** Includes the key: on the command line, `ps` would show it. */
	env(settings: AgentSettings): Readonly<Record<string, string>>;
	/** Vendor keys that it may read; `all` if it supports any vendor. */
	readonly ownKeys: readonly string[] | ((settings: AgentSettings) => readonly string[] | "all");
	/** Returns a reader for the events of one run. */
	reader(settings: AgentSettings): EventReader;
}

/** Unknown events are ignored, since agents add new ones. */
export interface EventReader {
	/** `at` is the arrival time in milliseconds, for the duration of calls. */
	event(event: AgentEvent, at: number): void;
	finish(): AgentReport;
}

export type AgentEvent = Readonly<Record<string, unknown>> & { readonly type: string };

export interface AgentReport {
	readonly messages: readonly AnswerMessage[];
	readonly figures: Pick<
		TargetAnswer,
		"tokenUsage" | "costUsd" | "durationMs" | "llmCalls" | "session" | "stopReason" | "metadata"
	>;
	/** Default: the last assistant message's text. */
	readonly text?: string;
	/** The failure that the agent itself reported. */
	readonly failure?: Pick<TargetFailure, "message" | "retryable">;
	/** The event that ends every run is missing. */
	readonly isIncomplete?: boolean;
}

/** Longer lines arrive in chunks of at least this many characters. */
const pieceLength = 1024 * 1024;
const longestEvent = 64 * 1024 * 1024;

/** Parses JSON objects, one per line, from a program's output. Other lines are ignored. */
export function objectLines(onObject: (object: Fields) => void): (line: string) => void {
	let begun = "";
	return (line) => {
		if (begun === "" && !line.trimStart().startsWith("{")) return;
		const text = begun + line;
		const object = parseObject(text);
		const isPiece = object === undefined && line.length > pieceLength && text.length < longestEvent;
		begun = isPiece ? text : "";
		if (object) onObject(object);
	};
}

function parseObject(text: string): Fields | undefined {
	if (!text.trimEnd().endsWith("}")) return undefined;
	try {
		return JSON.parse(text) as Fields;
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

/** Returns everything, or what follows the last answer of a resumed session. */
export function newWords({ session, prompt, messages }: TargetRequest): string {
	if (session === undefined) return prompt;
	const last = messages.findLastIndex(({ role }) => role === "assistant");
	return messages
		.slice(last + 1)
		.map(({ content }) => content.map(pieceText).join("\n\n"))
		.join("\n\n");
}

/** Agents open files themselves. */
function pieceText(piece: RequestPiece): string {
	return piece.type === "text" ? piece.text : `[${piece.type}: ${piece.path}]`;
}

/** Variables in which users keep the keys of model vendors. */
const vendorKeys: ReadonlySet<string> = new Set([
	"ANTHROPIC_API_KEY",
	"ANTHROPIC_AUTH_TOKEN",
	"CLAUDE_CODE_OAUTH_TOKEN",
	"OPENAI_API_KEY",
	"CODEX_API_KEY",
	"AZURE_API_KEY",
	"AZURE_OPENAI_API_KEY",
	"OPENROUTER_API_KEY",
	"GEMINI_API_KEY",
	"GOOGLE_API_KEY",
	"GOOGLE_GENERATIVE_AI_API_KEY",
	"COPILOT_GITHUB_TOKEN",
	"CURSOR_API_KEY",
	"DEEPSEEK_API_KEY",
	"FACTORY_API_KEY",
	"GROQ_API_KEY",
	"MISTRAL_API_KEY",
	"XAI_API_KEY",
]);

/**
 * Returns what to remove from the environment of an agent's program (each name with `undefined`):
 * keys of other vendors, and variables with the key of another target, such as the grader's. The
 * program executes a model's output.
 */
function withheldVariables(
	env: Environment,
	ownKeys: readonly string[] | "all",
	otherKeys: readonly string[],
): Readonly<Record<string, undefined>> {
	const others = new Set(otherKeys);
	const isForeign = (name: string) => ownKeys !== "all" && vendorKeys.has(name) && !ownKeys.includes(name);
	const names = Object.entries(env).flatMap(([name, value]) =>
		value !== undefined && (isForeign(name) || others.has(value)) ? [name] : [],
	);
	return Object.fromEntries(names.map((name) => [name, undefined]));
}

type AgentName = "claude" | "codex" | "copilot-cli" | "pi-cli";

/** Runs a coding agent in the workspace and parses its JSON events as they arrive. */
export function agentTarget(target: TargetOf<AgentName>, services: TargetServices, protocol: AgentProtocol): Target {
	const agent = new Agent(target, services, protocol);
	return {
		check: async () => checkCommand(agent.command, services),
		describe: (signal) => agent.describe(signal),
		invoke: (request) => agent.invoke(request),
	};
}

const versionTimeoutMs = 15_000;
/** Events are parsed as they arrive; this output is only for error messages. */
const keptOutput = 64 * 1024;

class Agent {
	readonly command: CommandSpec;
	readonly #settings: TargetOf<AgentName>["settings"];
	readonly #services: TargetServices;
	readonly #protocol: AgentProtocol;
	readonly #env: Readonly<Record<string, string | undefined>>;

	constructor({ settings, origin, at, cwd }: TargetOf<AgentName>, services: TargetServices, protocol: AgentProtocol) {
		this.#settings = settings;
		this.#services = services;
		this.#protocol = protocol;
		const layer = origin.get("executable") ?? origin.get("provider");
		this.command = {
			kind: "target-command",
			text: [settings.executable ?? protocol.executable],
			at,
			base: layer?.base ?? services.scope.directory,
			cwd,
		};
		const own = typeof protocol.ownKeys === "function" ? protocol.ownKeys(settings) : protocol.ownKeys;
		const withheld = withheldVariables(services.env, own, services.otherKeys ?? []);
		this.#env = { ...withheld, ...protocol.env(settings), ...settings.env };
	}

	async describe(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
		const { versionArgs } = this.#protocol;
		const run = { extraWords: versionArgs, env: this.#env, timeoutMs: versionTimeoutMs, signal };
		const defaultCwd = this.#services.scope.directory;
		const result = await this.#services.runCommand(
			{ ...this.command, text: this.command.text },
			{ ...run, defaultCwd },
		);
		const said = (result.stdout.trim() || result.stderr.trim()).split("\n")[0]?.slice(0, 200);
		const { model } = this.#settings;
		return { ...(result.exitCode === 0 && said ? { version: said } : {}), ...(model ? { model } : {}) };
	}

	async invoke(request: TargetRequest): Promise<TargetOutcome> {
		const reader = this.#protocol.reader(this.#settings);
		const result = await this.#services.runCommand(this.command, {
			extraWords: [...this.#protocol.args(this.#settings, request), ...(this.#settings.args ?? [])],
			input: this.#protocol.input(this.#settings, newWords(request)),
			defaultCwd: request.workspacePath ?? this.#services.scope.directory,
			env: {
				...this.#env,
				AGENTV_PROVIDER_CONTEXT: JSON.stringify(request.providerContext),
				...(request.workspacePath === undefined ? {} : { AGENTV_WORKSPACE_PATH: request.workspacePath }),
			},
			signal: request.signal,
			maxBuffer: keptOutput,
			onStdout: objectLines((event) => {
				if (isEvent(event)) reader.event(event, performance.now());
			}),
		});
		request.log?.(result.stderr);
		const report = reader.finish();
		const answer = answerOf(report);
		const failure = failureOf(processFailure(result, this.command.text[0] ?? "the agent"), report, answer);
		return failure ? { ok: false, failure } : { ok: true, answer };
	}
}

function isEvent(object: Readonly<Record<string, unknown>>): object is AgentEvent {
	return typeof object["type"] === "string";
}

function answerOf({ text, messages, figures }: AgentReport): TargetAnswer {
	const last = messages.findLast(({ content }) => content !== "")?.content;
	return { text: text ?? last ?? "", messages, ...figures };
}

function failureOf(
	process: TargetFailure | undefined,
	report: AgentReport,
	partial: TargetAnswer,
): TargetFailure | undefined {
	// The agent's own message is more specific than its exit code, but not than a timeout or signal.
	const ended = process !== undefined && process.code !== "exit-code";
	if (report.failure && !ended) return { code: "agent-failed", ...report.failure, partial };
	if (process) return { ...process, partial };
	const nothing = report.messages.length === 0 && report.text === undefined;
	if (!nothing && !report.isIncomplete) return undefined;
	const message = nothing ? "the agent ended without a readable message" : "the agent's events are incomplete";
	return { code: "no-output", message, retryable: true, partial };
}

export class TokenSum {
	#sum: TokenUsage | undefined;
	#isKnown = true;

	/** Adds a call. A call without input or output tokens makes the sum unknown. */
	add({ input, output, cached, reasoning }: { readonly [Key in keyof TokenUsage]: number | undefined }): void {
		if (input === undefined || output === undefined) {
			this.#isKnown = false;
			return;
		}
		const before = this.#sum;
		this.#sum = {
			input: (before?.input ?? 0) + input,
			output: (before?.output ?? 0) + output,
			cached: (before?.cached ?? 0) + (cached ?? 0),
			...(reasoning === undefined && before?.reasoning === undefined
				? {}
				: { reasoning: (before?.reasoning ?? 0) + (reasoning ?? 0) }),
		};
	}

	/** Undefined if no call was counted, or the usage of one is unknown. */
	get usage(): TokenUsage | undefined {
		return this.#isKnown ? this.#sum : undefined;
	}
}

type Open = { -readonly [Key in keyof ToolCall]: ToolCall[Key] } & { startedAt: number };

/** Collects an agent's messages and tool calls in order, and joins results to their calls. */
export class Transcript {
	readonly #messages: { content: string; toolCalls: Open[] }[] = [];
	readonly #calls = new Map<string, Open>();

	say(text: string): void {
		if (text.trim() !== "") this.#messages.push({ content: text, toolCalls: [] });
	}

	/** Records a tool call. A second start of the same call only completes its input. */
	call(id: string, tool: string, input: unknown, at: number): void {
		const known = this.#calls.get(id);
		if (known && id !== "") {
			known.input = input ?? known.input;
			return;
		}
		const call: Open = { tool, input, startedAt: at, ...(id === "" ? {} : { id }) };
		this.#calls.set(id, call);
		const last = this.#messages.at(-1);
		if (last) last.toolCalls.push(call);
		else this.#messages.push({ content: "", toolCalls: [call] });
	}

	/** Records when the tool really started: the time before was the model's. */
	begin(id: string, at: number): void {
		const call = this.#calls.get(id);
		if (call) call.startedAt = at;
	}

	result(id: string, output: unknown, at: number, failed = false): void {
		const call = this.#calls.get(id);
		if (!call) return;
		call.output = failed ? { error: output } : output;
		call.durationMs = Math.max(0, Math.round(at - call.startedAt));
	}

	messages(): AnswerMessage[] {
		return this.#messages.map(({ content, toolCalls }) => ({
			role: "assistant",
			content,
			...(toolCalls.length > 0 ? { toolCalls: toolCalls.map(({ startedAt: _, ...call }) => call) } : {}),
		}));
	}
}
