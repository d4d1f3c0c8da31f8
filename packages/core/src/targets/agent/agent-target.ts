import type { CommandSpec } from "../../model/command.ts";
import { checkCommand } from "../check-command.ts";
import type {
	Target,
	TargetAnswer,
	TargetFailure,
	TargetOf,
	TargetOutcome,
	TargetRequest,
	TargetServices,
} from "../contract.ts";
import { processFailure } from "../process-failure.ts";
import { withheldVariables } from "./agent-environment.ts";
import type { AgentEvent, AgentProtocol, AgentReport } from "./agent-protocol.ts";
import { newWords } from "./new-words.ts";
import { objectLines } from "./object-lines.ts";

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
			text: [settings.executable ?? protocol.executable],
			at,
			base: layer?.base ?? services.scope.directory,
			...(cwd ? { cwd } : {}),
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
