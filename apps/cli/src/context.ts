import { AgentvError } from "@agentv/core";
import type { Command, CommanderError } from "commander";
import manifest from "../package.json" with { type: "json" };

/** stdout or stderr: a terminal, pipe or file. */
export interface Output {
	/** Writes text. A `document` is already redacted; `commands` are workflow commands for a CI server. */
	write(text: string, kind?: "text" | "document" | "commands"): void;
	/** Writes a terminal control sequence of AgentV itself. Default: `write`. */
	steer?(sequence: string): void;
	/** Waits until a slow reader has caught up; returns false if the reader has gone away. */
	drained?(): Promise<boolean>;
	readonly isTTY: boolean;
	/** Width in characters; 80 if unknown. */
	readonly columns: number;
	/** Height in lines, if it is a terminal. */
	readonly rows?: number | undefined;
	readonly color: boolean;
}

/** Everything a command may know about the machine. bin.ts reads it once; tests provide their own. */
export interface Context {
	readonly env: Readonly<Record<string, string | undefined>>;
	/** Absolute path of the current directory. */
	readonly cwd: string;
	readonly stdout: Output;
	readonly stderr: Output;
	/** Asks the user and returns the line that they type; absent without a terminal. */
	readonly ask?: ((question: string) => Promise<string>) | undefined;
	/** Aborted by Ctrl-C and SIGTERM. Listeners stop their work and throw an `interrupted` AgentvError. */
	readonly signal: AbortSignal;
	/** `--debug`: show causes and stack traces. */
	readonly debug: boolean;
}

/** What to print and how to exit (0 clean, 1 findings, 4 not graded). */
export interface CommandResult {
	/** Text for stdout; long text in pieces, so that it is never in memory as a whole. */
	readonly text: string | Iterable<string>;
	/** Default: `document` for text in pieces, `text` otherwise. */
	readonly kind?: "text" | "document" | "commands";
	readonly exitCode: number;
}

/** Converts the parser's error to a `usage` error, with its suggestion as the hint. */
export function usageError(error: CommanderError, program: Command, argv: readonly string[]): AgentvError {
	const [message = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
	const suggestion = rest.join(" ").replace(/^\((.*)\)$/, "$1");
	const help = `\`${namedCommand(program, argv)} --help\` lists the options.`;
	return new AgentvError("usage", message, { hint: suggestion === "" ? help : `${suggestion} ${help}` });
}

/** Returns the command that the words begin with. */
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
