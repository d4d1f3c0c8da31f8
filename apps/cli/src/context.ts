/** A stream of the terminal, or whatever stands in its place. */
export interface Output {
	/** Writes text. A `document` is redacted already; `commands` are for a CI server to carry out. */
	write(text: string, kind?: "text" | "document" | "commands"): void;
	/** Writes a sequence of our own that steers a terminal; without it, `write` takes it. */
	steer?(sequence: string): void;
	/** Waits until a slow reader has taken what was written; false where nobody reads any more. */
	drained?(): Promise<boolean>;
	readonly isTTY: boolean;
	/** Width in characters; 80 where nobody knows. */
	readonly columns: number;
	/** Height in lines, where it is a terminal that tells. */
	readonly rows?: number | undefined;
	/** Whether colours are wanted here. */
	readonly color: boolean;
}

/** Everything a command may know of the machine. bin.ts reads it once; tests make it up. */
export interface Context {
	readonly env: Readonly<Record<string, string | undefined>>;
	/** Absolute path of the directory the command was started in. */
	readonly cwd: string;
	readonly stdout: Output;
	readonly stderr: Output;
	/** Puts a question to the user and returns the line that they type; absent without a terminal. */
	readonly ask?: ((question: string) => Promise<string>) | undefined;
	/** Aborted by Ctrl-C and SIGTERM. What listens stops its work and throws an `interrupted` AgentvError. */
	readonly signal: AbortSignal;
	/** `--debug`: show causes and stacks. */
	readonly debug: boolean;
}

/** What a command hands back: what to print and how to exit (0 clean, 1 findings, 4 not graded). */
export interface CommandResult {
	/** Goes to stdout, as it is; of a long text its pieces, so that it never stands in memory whole. */
	readonly text: string | Iterable<string>;
	/** Default: `document` for a text in pieces, which comes from a record. */
	readonly kind?: "text" | "document" | "commands";
	readonly exitCode: number;
}
