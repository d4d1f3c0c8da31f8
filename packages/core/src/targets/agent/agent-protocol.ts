import type { ProviderSettings } from "../../schema/target-file.ts";
import type { AnswerMessage, TargetAnswer, TargetFailure, TargetRequest } from "../contract.ts";

export type AgentSettings = ProviderSettings<"claude">;

/** How to run one agent's command line. One file each in `providers/`. */
export interface AgentProtocol {
	/** The default program, without the target's `executable`. */
	readonly executable: string;
	/** Arguments that print its version. */
	readonly versionArgs: readonly string[];
	/**
	 * Returns the arguments. The prompt is never one of them: it can be longer than an argument may
	 * be, and begin with `-`.
	 */
	args(settings: AgentSettings, request: TargetRequest): readonly string[];
	/**
	 * Returns its stdin. `prompt` is the question, or its new part if the agent resumes its session.
	 */
	input(settings: AgentSettings, prompt: string): string;
	/**
	 * Returns variables for this program only, including its key: on the command line, `ps` would
	 * show it.
	 */
	env(settings: AgentSettings): Readonly<Record<string, string>>;
	/**
	 * Variables with vendors' keys that it may read from the environment; `all` if it supports any
	 * vendor.
	 */
	readonly ownKeys: readonly string[] | ((settings: AgentSettings) => readonly string[] | "all");
	/** Returns a reader for the events of one run. */
	reader(settings: AgentSettings): EventReader;
}

/**
 * Converts an agent's JSON events to messages and figures. Unknown events are ignored, since agents
 * add new ones.
 */
export interface EventReader {
	/**
	 * `at` is the arrival time in milliseconds: the time between a call and its result is the call's
	 * duration.
	 */
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
	/**
	 * The final answer if the agent reports it separately; else the last assistant message's text.
	 */
	readonly text?: string;
	/** The failure that the agent itself reported. */
	readonly failure?: Pick<TargetFailure, "message" | "retryable">;
	/** The event that ends every run is missing. */
	readonly isIncomplete?: boolean;
}
