import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { tempTree } from "./temp-tree.ts";

/** The built command line, as users get it. */
export const cliBin = fileURLToPath(new URL("../../../apps/cli/dist/bin.js", import.meta.url));

export interface CliSessionOptions {
	readonly cwd: string;
	/** Added to a clean environment: PATH, an empty HOME, no configuration of git, nothing named AGENTV_…; undefined takes away. */
	readonly env?: Readonly<Record<string, string | undefined>>;
	readonly input?: string;
	/** After this it is killed. Default 60,000. */
	readonly timeoutMs?: number;
	/** Another script than the built command line. */
	readonly bin?: string;
	/** Called once it runs. */
	readonly onStart?: (pid: number) => void;
}

export interface CliSession {
	readonly stdout: string;
	readonly stderr: string;
	/** Null when a signal ended it. */
	readonly exitCode: number | null;
	readonly signal: NodeJS.Signals | null;
}

/** Runs the command line as a process of its own and answers what it said. */
export function runCli(args: readonly string[], options: CliSessionOptions): Promise<CliSession> {
	return session(process.execPath, [options.bin ?? cliBin, ...args], options);
}

export interface TerminalOptions extends CliSessionOptions {
	/** Width of the terminal. Default 100. */
	readonly columns?: number;
}

/** Runs the command line in a pseudo terminal; `stdout` is all that the terminal showed, CRLF and escape sequences included. */
export function runCliInTerminal(args: readonly string[], options: TerminalOptions): Promise<CliSession> {
	const command = [process.execPath, options.bin ?? cliBin, ...args].map(quoted).join(" ");
	const sized = `stty cols ${options.columns ?? 100} rows 40; exec ${command}`;
	const env = { TERM: "xterm-256color", SHELL: "/bin/sh", ...options.env };
	return session("script", ["--quiet", "--return", "--command", sized, "/dev/null"], { ...options, env });
}

function quoted(word: string): string {
	return `'${word.replaceAll("'", "'\\''")}'`;
}

async function session(program: string, args: readonly string[], options: CliSessionOptions): Promise<CliSession> {
	const clean = { PATH: process.env.PATH, LC_ALL: "C.UTF-8", GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
	const env = { ...clean, HOME: options.env?.HOME ?? tempTree(), ...options.env };
	const child = spawn(program, args, { cwd: options.cwd, env, stdio: "pipe" });
	const stdout: Buffer[] = [];
	const stderr: Buffer[] = [];
	child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
	child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
	child.stdin.on("error", () => undefined);
	// A terminal's input stays open, as a user's does: its end would read as Ctrl-D.
	if (program === "script") child.stdin.write(options.input ?? "");
	else child.stdin.end(options.input ?? "");
	if (child.pid !== undefined) options.onStart?.(child.pid);
	const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 60_000);
	return new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("close", (exitCode, signal) => {
			clearTimeout(timer);
			const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString("utf8");
			resolve({ stdout: text(stdout), stderr: text(stderr), exitCode, signal });
		});
	});
}
