import type { OpenInput, ProcessResult } from "../io/run-process.ts";
import type { CommandSpec } from "./command.ts";

/** How a command is run, beyond what its file defines. */
export interface CommandRun {
	/**
	 * Values of `{NAME}` (a target's placeholders) and `{{name}}` (`workspace_path`, `test_id`, …) in
	 * its words, by the text inside the braces. A list becomes several arguments; in the shell form
	 * every value is quoted.
	 */
	readonly values?: Readonly<Record<string, string | readonly string[]>>;
	/** Literal words that are appended to the command. */
	readonly extraWords?: readonly string[];
	/** For commands without one. Default: the directory of the command's file. */
	readonly defaultCwd?: string;
	/** Merged over the environment that eval programs inherit. */
	readonly env?: Readonly<Record<string, string | undefined>>;
	readonly input?: string;
	/** Keeps stdin open, for interactive programs; called once, when the program runs. */
	readonly onInput?: (input: OpenInput) => void;
	readonly timeoutMs?: number;
	readonly signal?: AbortSignal;
	/** Per stream; larger output goes to `spillDir`. Default 10 MB. */
	readonly maxBuffer?: number;
	readonly spillDir?: string;
	readonly onStdout?: (line: string) => void;
}

/**
 * Runs a command of an eval by the common rules. Never rejects because of the program: exit code,
 * signal, timeout and a failed start are in the result.
 */
export type CommandRunner = (command: CommandSpec, run: CommandRun) => Promise<ProcessResult>;
