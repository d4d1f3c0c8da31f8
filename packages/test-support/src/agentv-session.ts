import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { temporary } from "./git-repo.ts";

export interface SessionOptions {
	readonly cwd: string;
	/** Added to PATH, TMPDIR, HOME (`cwd`) and AGENTV_HOME (`cwd/.home`). */
	readonly env?: Readonly<Record<string, string>>;
	/** Written to stdin. Default: empty; with `terminal`, the test's own stdin. */
	readonly input?: string;
	readonly onStart?: (pid: number) => void;
	/** Sends SIGINT, like Ctrl-C. */
	readonly signal?: AbortSignal;
	/** Runs in a pseudo-terminal; stdout then contains both streams, with `\n` line ends. */
	readonly terminal?: boolean;
	/** Always starts a process, for tests of its end or of what it holds. */
	readonly process?: true;
}

export interface Session {
	readonly exitCode: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

/** @throws if the tests' setup has not built the command line */
export function agentvBin(): string {
	const bin = process.env["AGENTV_TEST_BIN"];
	if (bin === undefined)
		throw new Error("AGENTV_TEST_BIN is unset: the test's project needs apps/cli/test/build-once.ts");
	return bin;
}

const readAtStart = /^(FORCE_COLOR|NO_COLOR|NODE_.*|TZ)$/;

let isCalled = false;

/**
 * Calls `main` if no separate process is needed, because loading the command takes longer than most
 * of its work; the full rounds always start a process.
 */
export async function agentv(args: readonly string[], options: SessionOptions): Promise<Session> {
	const { env = {}, input, onStart, signal, terminal } = options;
	const needsProcess =
		(options.process ?? terminal ?? false) ||
		[input, onStart, signal].some((option) => option !== undefined) ||
		Object.keys(env).some((name) => readAtStart.test(name)) ||
		args[0] === "--version";
	// Only process ids distinguish concurrent commands.
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

/** Sets both directories as for a process that is started in `cwd`. */
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
