import type { z } from "zod";
import type { CommandSpec } from "../eval/command.ts";
import type { TargetWith } from "../eval/resolve-target.ts";
import { type AgentSettings, agentSettings, commonSettings, lacking } from "../format/target-file.ts";
import {
	type AgentFacts,
	costOf,
	type Definition,
	known,
	type Pricing,
	type Provider,
	requestVariables,
	stopReasonOf,
	type Target,
	type TargetAnswer,
	type TargetFailure,
	type TargetOutcome,
	type TargetRequest,
	type TargetServices,
} from "./contract.ts";
import {
	type AgentEvent,
	type AgentReader,
	type AgentReport,
	newWords,
	objectLines,
	processFailure,
} from "./read-answer.ts";

const elsewhere = "remove it, or pass it to the agent in `args` or `env`";

/** Makes the settings of `names` errors. */
export function settingsWithout(...names: readonly (keyof typeof agentSettings)[]) {
	return { ...commonSettings, ...lacking(agentSettings, elsewhere, names) };
}

interface AgentDefinition<Name extends string, Settings extends z.ZodType<AgentSettings>>
	extends Definition<Name, Settings> {
	/** Its report always has the cost, so `pricing` is not used. */
	readonly reportsCost?: true;
	readonly executable: string;
	readonly keys: readonly string[];
	keysFor?(settings: AgentSettings): readonly string[] | "all";
	/** Never includes the prompt, which can be too long and begin with `-`. */
	args(settings: AgentSettings, request: TargetRequest): readonly string[];
	/** Whether stdin begins with `system_prompt`; else `args` contains it. */
	readonly readsSystemPrompt?: true;
	/** Includes the key, because `ps` shows command lines. */
	env(settings: AgentSettings): Readonly<Record<string, string>>;
	reader(): AgentReader;
}

/** Runs a coding agent in the workspace and parses its JSON events as they arrive. */
export function agentProvider<const Name extends string, Settings extends z.ZodType<AgentSettings>>(
	definition: AgentDefinition<Name, Settings>,
): Provider<Name, Settings> & AgentFacts {
	const { executable, reportsCost } = definition;
	return {
		...{ needs: `the program \`${executable}\``, cost: reportsCost ? "as it says" : "`pricing`" },
		...{ ...definition, kind: "agent" },
		create: (target, services) => new Agent(definition, target, services),
	};
}

/** Removes keys of other vendors and targets, since the program executes a model's output. */
function withheldVariables(
	{ env, vendorKeys, otherKeys = [] }: TargetServices,
	ownKeys: readonly string[] | "all",
): Readonly<Record<string, undefined>> {
	const foreign = new Set(ownKeys === "all" ? [] : vendorKeys);
	for (const key of ownKeys) foreign.delete(key);
	const others = new Set(otherKeys);
	const names = Object.entries(env).flatMap(([name, value]) =>
		value !== undefined && (foreign.has(name) || others.has(value)) ? [name] : [],
	);
	return Object.fromEntries(names.map((name) => [name, undefined]));
}

const versionTimeoutMs = 15_000;
/** For error messages only: events are parsed as they arrive. */
const keptOutput = 64 * 1024;

type AnyAgent = AgentDefinition<string, z.ZodType<AgentSettings>>;

class Agent implements Target {
	readonly #definition: AnyAgent;
	readonly #settings: AgentSettings;
	readonly #services: TargetServices;
	readonly #command: CommandSpec;
	readonly #env: Readonly<Record<string, string | undefined>>;

	constructor(definition: AnyAgent, target: TargetWith<string, AgentSettings>, services: TargetServices) {
		const { settings, origin, at, cwd } = target;
		this.#definition = definition;
		this.#settings = settings;
		this.#services = services;
		const layer = origin.get("executable") ?? origin.get("provider");
		this.#command = {
			kind: "target-command",
			text: [settings.executable ?? definition.executable],
			at,
			base: layer?.base ?? services.scope.directory,
			cwd,
		};
		const withheld = withheldVariables(services, definition.keysFor?.(settings) ?? definition.keys);
		this.#env = { ...withheld, ...definition.env(settings), ...settings.env };
	}

	async check() {
		const { checkCommand } = await import("./check-command.ts");
		return checkCommand(this.#command, this.#services);
	}

	async describe(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
		const result = await this.#services.runCommand(this.#command, {
			...{ extraWords: ["--version"], env: this.#env, timeoutMs: versionTimeoutMs, signal },
			defaultCwd: this.#services.scope.directory,
		});
		const said = (result.stdout.trim() || result.stderr.trim()).split("\n")[0]?.slice(0, 200);
		const { model } = this.#settings;
		return { ...(result.exitCode === 0 && said ? { version: said } : {}), ...(model ? { model } : {}) };
	}

	async invoke(request: TargetRequest): Promise<TargetOutcome> {
		const { reader: newReader, args, readsSystemPrompt, reportsCost } = this.#definition;
		const { systemPrompt, pricing, args: moreArgs = [] } = this.#settings;
		const reader = newReader();
		const prompt = newWords(request);
		const result = await this.#services.runCommand(this.#command, {
			extraWords: [...args(this.#settings, request), ...moreArgs],
			input: readsSystemPrompt && systemPrompt ? `${systemPrompt}\n\n${prompt}` : prompt,
			defaultCwd: request.workspacePath ?? this.#services.scope.directory,
			env: { ...this.#env, ...requestVariables(request) },
			signal: request.signal,
			maxBuffer: keptOutput,
			onStdout: objectLines((event) => {
				if (isEvent(event)) reader.event(event, performance.now());
			}),
		});
		request.log?.(result.stderr);
		const report = reader.finish();
		const answer = answerOf(report, reportsCost ? undefined : pricing);
		const failure = failureOf(processFailure(result, this.#command.text[0] ?? "the agent"), report, answer);
		return failure ? { ok: false, failure } : { ok: true, answer };
	}
}

function isEvent(object: Readonly<Record<string, unknown>>): object is AgentEvent {
	return typeof object["type"] === "string";
}

function answerOf(report: AgentReport, pricing: Pricing | undefined): TargetAnswer {
	const { text, messages, tokenUsage, costUsd, durationMs, llmCalls, session, model, metadata } = report;
	const last = messages.findLast(({ content }) => content !== "")?.content;
	return known({
		...{ text: text ?? last ?? "", messages, tokenUsage, llmCalls, durationMs, session },
		costUsd: costUsd ?? costOf(undefined, tokenUsage, pricing),
		stopReason: stopReasonOf(report.stopReason),
		metadata: known({ model, session_id: session, ...metadata }),
	});
}

function failureOf(
	process: TargetFailure | undefined,
	{ failure, retryable = true, messages, text, isIncomplete }: AgentReport,
	partial: TargetAnswer,
): TargetFailure | undefined {
	// The agent's own message is more specific than its exit code, but not than a timeout or signal.
	const ended = process !== undefined && process.code !== "exit-code";
	if (failure !== undefined && !ended) return { code: "agent-failed", message: failure, retryable, partial };
	if (process) return { ...process, partial };
	const nothing = messages.length === 0 && text === undefined;
	if (!nothing && !isIncomplete) return undefined;
	const message = nothing ? "the agent ended without a readable message" : "the agent's events are incomplete";
	return { code: "no-output", message, retryable: true, partial };
}
