import type { OpenInput, ProcessResult } from "../io/run-process.ts";
import type { CommandSpec } from "./command.ts";

/** What a command is run with, beyond what its file says. */
export interface CommandRun {
	/**
	 * Values of `{NAME}` (a target's placeholders) and `{{name}}` (`workspace_path`, `test_id`, …) in its words, by the text
	 * inside the braces. A list becomes several arguments; in the shell form every value is quoted.
	 */
	readonly values?: Readonly<Record<string, string | readonly string[]>>;
	/** Words put behind the command's own, as they are. */
	readonly extraWords?: readonly string[];
	/** Working directory where the command names none. Default: the directory of the file it is written in. */
	readonly defaultCwd?: string;
	/** Laid over the environment that eval programs inherit. */
	readonly env?: Readonly<Record<string, string | undefined>>;
	readonly input?: string;
	/** Keeps stdin open, for programs that are talked with; called once, when the program runs. */
	readonly onInput?: (input: OpenInput) => void;
	readonly timeoutMs?: number;
	readonly signal?: AbortSignal;
	/** Bytes of each stream kept in memory; the whole goes to a file in `spillDir` once it outgrows that. Default 10 MB. */
	readonly maxBuffer?: number;
	readonly spillDir?: string;
	/** Called with each line of stdout. */
	readonly onStdout?: (line: string) => void;
}

/**
 * Runs a command of an eval by the one rule for commands. Never rejects for what the program does: exit code, signal,
 * timeout and a failed start are in the result.
 */
export type CommandRunner = (command: CommandSpec, run: CommandRun) => Promise<ProcessResult>;
