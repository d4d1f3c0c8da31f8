import { AgentvError } from "@agentv/core";
import type { Command, CommanderError } from "commander";
import manifest from "../package.json" with { type: "json" };

export interface Output {
	/** A `document` is already redacted; `commands` are workflow commands for a CI server. */
	write(text: string, kind?: "text" | "document" | "commands"): void;
	/** Writes a terminal control sequence of AgentV itself. Default: `write`. */
	steer?(sequence: string): void;
	/** Waits until a slow reader has caught up; returns false if the reader has gone away. */
	drained?(): Promise<boolean>;
	readonly isTTY: boolean;
	/** 80 if unknown. */
	readonly columns: number;
	/** Undefined if it is not a terminal. */
	readonly rows?: number | undefined;
	readonly color: boolean;
}

/** The part of the machine that commands see. bin.ts reads it once; tests provide their own. */
export interface Context {
	readonly env: Readonly<Record<string, string | undefined>>;
	/** Absolute. */
	readonly cwd: string;
	readonly stdout: Output;
	readonly stderr: Output;
	/** Absent without a terminal. */
	readonly ask?: ((question: string) => Promise<string>) | undefined;
	/** Aborted by Ctrl-C and SIGTERM; listeners then throw an `interrupted` AgentvError. */
	readonly signal: AbortSignal;
	readonly debug: boolean;
}

/** What to print and how to exit (0 clean, 1 findings, 4 not graded). */
export interface CommandResult {
	/** For stdout; long text in pieces, so that it is never in memory as a whole. */
	readonly text: string | Iterable<string>;
	/** Default: `document` for text in pieces, `text` otherwise. */
	readonly kind?: "text" | "document" | "commands";
	readonly exitCode: number;
}

export function usageError(error: CommanderError, program: Command, argv: readonly string[]): AgentvError {
	const [message = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
	const suggestion = rest.join(" ").replace(/^\((.*)\)$/, "$1");
	const help = `\`${namedCommand(program, argv)} --help\` lists the options.`;
	return new AgentvError("usage", message, { hint: suggestion === "" ? help : `${suggestion} ${help}` });
}

function namedCommand(program: Command, argv: readonly string[]): string {
	const names = [program.name()];
	let command = program;
	for (const word of argv) {
		const next = command.commands.find((candidate) => candidate.name() === word || candidate.aliases().includes(word));
		if (next === undefined) continue;
		names.push(next.name());
		command = next;
	}
	return names.join(" ");
}

export const version: string = manifest.version;
