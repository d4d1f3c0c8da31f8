import { spawn } from "node:child_process";

export interface SessionOptions {
	readonly cwd: string;
	/** Added to a bare environment (PATH, HOME in `cwd`, AGENTV_HOME in `cwd/.home`). */
	readonly env?: Readonly<Record<string, string>>;
	/** Written to stdin, which is then closed. Default: empty, or the test's own stdin with `terminal`. */
	readonly input?: string;
	/** Called when it has started, for tests that send signals. */
	readonly onStart?: (pid: number) => void;
	/** Sends SIGINT, like Ctrl-C. */
	readonly signal?: AbortSignal;
	/** Runs in a pseudo-terminal of `script`; stdout then holds both streams, with `\n` line ends. */
	readonly terminal?: boolean;
}

export interface Session {
	readonly exitCode: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

/** Returns the entry file of the command line built by the tests' setup. */
export function agentvBin(): string {
	const bin = process.env["AGENTV_TEST_BIN"];
	if (bin === undefined)
		throw new Error("AGENTV_TEST_BIN is unset: the test's project needs apps/cli/test/build-once.ts");
	return bin;
}

/** Runs the real command line in a separate process and returns its output and exit code. */
export async function agentv(args: readonly string[], options: SessionOptions): Promise<Session> {
	const words = [process.execPath, agentvBin(), ...args];
	const [program = "", ...rest] = options.terminal
		? ["script", "-qec", words.map(quoted).join(" "), "/dev/null"]
		: words;
	const child = spawn(program, rest, {
		cwd: options.cwd,
		env: {
			PATH: process.env["PATH"] ?? "",
			HOME: options.cwd,
			AGENTV_HOME: `${options.cwd}/.home`,
			TERM: "xterm",
			...options.env,
		},
		stdio: [options.input === undefined ? (options.terminal ? "inherit" : "ignore") : "pipe", "pipe", "pipe"],
	});
	// A program may exit without reading its stdin.
	child.stdin?.on("error", () => undefined);
	child.stdin?.end(options.input);
	if (child.pid !== undefined) options.onStart?.(child.pid);
	options.signal?.addEventListener("abort", () => child.kill("SIGINT"));
	const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
	const exitCode = await new Promise<number | null>((resolve, reject) => {
		child.on("error", reject);
		child.on("close", resolve);
	});
	const said = (text: string) => (options.terminal ? text.replaceAll("\r\n", "\n") : text);
	return { exitCode, stdout: said(stdout()), stderr: stderr() };
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
	const chunks: Buffer[] = [];
	stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
	return () => Buffer.concat(chunks).toString("utf8");
}

function quoted(word: string): string {
	return `'${word.replaceAll("'", "'\\''")}'`;
}
