import type { Environment } from "../environment.ts";

/** The stdin of a running program. Writes after its end are dropped. */
export interface OpenInput {
	write(text: string): void;
	close(): void;
}

export interface ProcessOptions {
	/** Absolute working directory. */
	readonly cwd: string;
	/** The complete environment of the process. */
	readonly env: Environment;
	/** Written to stdin, which is then closed. Default: empty stdin. */
	readonly input?: string | Uint8Array | undefined;
	/** Keeps stdin open, for interactive programs; called once, when the program runs. */
	readonly onInput?: ((input: OpenInput) => void) | undefined;
	readonly timeoutMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Bytes of each stream kept in memory. Default 10 MB. */
	readonly maxBuffer?: number | undefined;
	/** For output beyond `maxBuffer`. Default: the excess is dropped. */
	readonly spillDir?: string | undefined;
	/** Maximum bytes of a spill file. Default 2 GB. */
	readonly maxSpill?: number | undefined;
	/** Called with each line of stdout, without its break (LF, CRLF or CR). */
	readonly onStdout?: ((line: string) => void) | undefined;
	readonly onStderr?: ((line: string) => void) | undefined;
	/** Milliseconds between SIGTERM and SIGKILL. Default 2000. */
	readonly killGraceMs?: number | undefined;
	/** For processes left in the group. Default `leave`; after timeout or abort always `end`. */
	readonly leftovers?: "leave" | "end" | undefined;
}

/** Either an argument vector, without a shell, or a command line for `/bin/sh`. */
export type ProcessCommand =
	| { readonly argv: readonly string[]; readonly shell?: undefined }
	| { readonly shell: string; readonly argv?: undefined };

export interface ProcessResult {
	/** Null if it was ended by a signal or did not start. */
	readonly exitCode: number | null;
	readonly signal: NodeJS.Signals | null;
	/** The first `maxBuffer` bytes, as UTF-8. */
	readonly stdout: string;
	readonly stderr: string;
	/** File with the whole output, if it exceeded memory and `spillDir` was given. */
	readonly stdoutPath?: string;
	readonly stderrPath?: string;
	/** Whether `stdout` or `stderr` is incomplete. */
	readonly truncated: boolean;
	readonly timedOut: boolean;
	readonly aborted: boolean;
	/** Why it did not start: the system's code (`ENOENT`, `EACCES`, …) and a message. */
	readonly startError?: { readonly code: string; readonly message: string };
	/** Its process id, also the id of its group and session. Absent if it did not start. */
	readonly leader?: number;
	readonly durationMs: number;
}
