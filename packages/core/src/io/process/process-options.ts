import type { Environment } from "../environment.ts";

/** The stdin of a running program. What is written after the program ended is dropped. */
export interface OpenInput {
	write(text: string): void;
	close(): void;
}

export interface ProcessOptions {
	/** Absolute working directory. */
	readonly cwd: string;
	/** The whole environment of the process; nothing is added. */
	readonly env: Environment;
	/** Written to stdin, which is then closed. Without it stdin is empty. */
	readonly input?: string | Uint8Array | undefined;
	/** Keeps stdin open, for programs that are talked with; called once, when the program runs. */
	readonly onInput?: ((input: OpenInput) => void) | undefined;
	readonly timeoutMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Bytes of each stream kept in memory. Default 10 MB. */
	readonly maxBuffer?: number | undefined;
	/** Directory for the whole of an output that outgrows `maxBuffer`; made when needed. Without it the excess is dropped. */
	readonly spillDir?: string | undefined;
	/** Bytes that a spill file may have at most. Default 2 GB. */
	readonly maxSpill?: number | undefined;
	/** Called with each line of stdout, without its end (LF, CRLF or CR). */
	readonly onStdout?: ((line: string) => void) | undefined;
	readonly onStderr?: ((line: string) => void) | undefined;
	/** Time between the polite SIGTERM and SIGKILL. Default 2000. */
	readonly killGraceMs?: number | undefined;
	/** What becomes of processes that a finished program left in its group. Default `leave`; after timeout or abort always `end`. */
	readonly leftovers?: "leave" | "end" | undefined;
}

/** Either an argument vector, never seen by a shell, or a command line for `/bin/sh`. */
export type ProcessCommand =
	| { readonly argv: readonly string[]; readonly shell?: undefined }
	| { readonly shell: string; readonly argv?: undefined };

export interface ProcessResult {
	/** Null when it was ended by a signal or did not start. */
	readonly exitCode: number | null;
	readonly signal: NodeJS.Signals | null;
	/** The first `maxBuffer` bytes, as UTF-8. */
	readonly stdout: string;
	readonly stderr: string;
	/** File with the whole output, when it outgrew memory and `spillDir` was given. */
	readonly stdoutPath?: string;
	readonly stderrPath?: string;
	/** Whether `stdout` or `stderr` is less than what the process wrote. */
	readonly truncated: boolean;
	readonly timedOut: boolean;
	readonly aborted: boolean;
	/** Why it did not start: the system's code (`ENOENT`, `EACCES`, …) and a sentence. */
	readonly startError?: { readonly code: string; readonly message: string };
	/** Its process id, also the id of its group and session. Absent when it did not start. */
	readonly leader?: number;
	readonly durationMs: number;
}
