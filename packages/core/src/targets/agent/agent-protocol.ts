import type { ProviderSettings } from "../../schema/target-file.ts";
import type { AnswerMessage, TargetAnswer, TargetFailure, TargetRequest } from "../contract.ts";

/** The settings that all agent command lines share. */
export type AgentSettings = ProviderSettings<"claude">;

/** How one agent's command line is spoken to. One file each in `providers/`. */
export interface AgentProtocol {
	/** The program, where the target's `executable` names none. */
	readonly executable: string;
	/** What to say to learn its version. */
	readonly versionArgs: readonly string[];
	/** The words behind the program. The prompt is never among them: it may be longer than a word can be, and begin with `-`. */
	args(settings: AgentSettings, request: TargetRequest): readonly string[];
	/** What goes to its stdin. `prompt` is the question, or what is new of it where the agent goes on with its session. */
	input(settings: AgentSettings, prompt: string): string;
	/** Variables only this program needs, its key among them: never on its command line, where `ps` would show it. */
	env(settings: AgentSettings): Readonly<Record<string, string>>;
	/** Variables with vendors' keys that it may find in the environment; `all` where it can speak to any vendor. */
	readonly ownKeys: readonly string[] | ((settings: AgentSettings) => readonly string[] | "all");
	/** Reads the events of one run. */
	reader(settings: AgentSettings): EventReader;
}

/** Turns an agent's JSON events into messages and figures. Unknown events are passed over: agents learn new ones. */
export interface EventReader {
	/** `at` is when the line came, in milliseconds: the time between a call and its result is the call's duration. */
	event(event: AgentEvent, at: number): void;
	finish(): AgentReport;
}

export type AgentEvent = Readonly<Record<string, unknown>> & { readonly type: string };

/** What the events said. */
export interface AgentReport {
	readonly messages: readonly AnswerMessage[];
	readonly figures: Pick<
		TargetAnswer,
		"tokenUsage" | "costUsd" | "durationMs" | "llmCalls" | "session" | "stopReason" | "metadata"
	>;
	/** The final answer where the agent says it apart; else the last assistant message's text. */
	readonly text?: string;
	/** The agent said itself that it failed. */
	readonly failure?: Pick<TargetFailure, "message" | "retryable">;
	/** The event that ends every run did not come. */
	readonly isIncomplete?: boolean;
}
