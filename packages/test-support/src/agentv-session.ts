import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { temporary } from "./git-repo.ts";

export interface SessionOptions {
	readonly cwd: string;
	/** Added to a bare environment (PATH, TMPDIR, HOME in `cwd`, AGENTV_HOME in `cwd/.home`). */
	readonly env?: Readonly<Record<string, string>>;
	/**
	 * Written to stdin, which is then closed. Default: empty, or the test's own stdin with
	 * `terminal`.
	 */
	readonly input?: string;
	/** Called when it has started, for tests that send signals. */
	readonly onStart?: (pid: number) => void;
	/** Sends SIGINT, like Ctrl-C. */
	readonly signal?: AbortSignal;
	/** Runs in a pseudo-terminal of `script`; stdout then holds both streams, with `\n` line ends. */
	readonly terminal?: boolean;
	/** Always starts a process, for tests of its exit, signals or resources. */
	readonly process?: true;
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

/** Variables that the entry file or Node itself reads at start. */
const readAtStart = /^(FORCE_COLOR|NO_COLOR|NODE_.*|TZ)$/;

let isCalled = false;

/**
 * Runs the built command line and returns its output and exit code. Calls its `main` if no separate
 * process is needed, because loading the command takes longer than most of its work; the full
 * rounds always start a process.
 */
export async function agentv(args: readonly string[], options: SessionOptions): Promise<Session> {
	const { env = {}, input, onStart, signal, terminal } = options;
	const needsProcess =
		(options.process ?? terminal ?? false) ||
		[input, onStart, signal].some((option) => option !== undefined) ||
		Object.keys(env).some((name) => readAtStart.test(name)) ||
		args[0] === "--version";
	// Concurrent commands are distinguished by their process ids.
	if (needsProcess || isCalled || process.env["AGENTV_TEST_ROUNDS"] === "full") return started(args, options);
	isCalled = true;
	try {
		return await called(args, options);
	} finally {
		isCalled = false;
	}
}

function environmentOf({ cwd, env }: SessionOptions): Record<string, string> {
	const home = { HOME: cwd, AGENTV_HOME: `${cwd}/.home` };
	return { PATH: process.env["PATH"] ?? "", ...temporary, ...home, TERM: "xterm", ...env };
}

interface Written {
	write(text: string): void;
	readonly isTTY: boolean;
	readonly columns: number;
	readonly color: boolean;
}

type Main = (argv: readonly string[], machine: object) => Promise<number>;

/** Calls `main` like the entry file does for an empty stdin without interruption. */
async function called(args: readonly string[], options: SessionOptions): Promise<Session> {
	const directory = dirname(agentvBin());
	const file = readdirSync(directory).find((name) => /^main-.*\.js$/.test(name));
	if (file === undefined) throw new Error(`${directory} has no chunk of main.ts`);
	const { main } = (await import(/* @vite-ignore */ pathToFileURL(join(directory, file)).href)) as { main: Main };
	const stream = (chunks: Buffer[]): Written => ({
		write: (text) => void chunks.push(Buffer.from(text)),
		...{ isTTY: false, columns: 80, color: false },
	});
	const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
	const env = environmentOf(options);
	const machine = {
		...{ env, cwd: options.cwd, ask: undefined, signal: new AbortController().signal },
		...{ stdout: stream(stdout), stderr: stream(stderr) },
	};
	const exitCode = await placed(options.cwd, env["TMPDIR"], () => main(args, machine));
	const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString("utf8");
	return { exitCode, stdout: text(stdout), stderr: text(stderr) };
}

/** Does `work` with the working directory and temporary directory of a process started in `cwd`. */
async function placed<Result>(cwd: string, temporaryDirectory: string | undefined, work: () => Promise<Result>) {
	const [ownCwd, own] = [process.cwd(), process.env["TMPDIR"]];
	process.chdir(cwd);
	if (temporaryDirectory !== undefined) process.env["TMPDIR"] = temporaryDirectory;
	try {
		return await work();
	} finally {
		process.chdir(ownCwd);
		if (own === undefined) delete process.env["TMPDIR"];
		else process.env["TMPDIR"] = own;
	}
}

/** Runs the real command line in a separate process. */
async function started(args: readonly string[], options: SessionOptions): Promise<Session> {
	const words = [process.execPath, agentvBin(), ...args];
	const [program = "", ...rest] = options.terminal
		? ["script", "-qec", words.map(quoted).join(" "), "/dev/null"]
		: words;
	const child = spawn(program, rest, {
		cwd: options.cwd,
		env: environmentOf(options),
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
	const text = (text: string) => (options.terminal ? text.replaceAll("\r\n", "\n") : text);
	return { exitCode, stdout: text(stdout()), stderr: stderr() };
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
	const chunks: Buffer[] = [];
	stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
	return () => Buffer.concat(chunks).toString("utf8");
}

function quoted(word: string): string {
	return `'${word.replaceAll("'", "'\\''")}'`;
}
