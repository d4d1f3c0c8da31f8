import type { ProviderSettings } from "../../schema/target-file.ts";
import type { AnswerMessage, TargetAnswer, TargetFailure, TargetRequest } from "../contract.ts";

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
