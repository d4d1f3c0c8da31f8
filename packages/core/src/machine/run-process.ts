import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, openSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { StringDecoder } from "node:string_decoder";
import { makeDirectories } from "./directories.ts";
import type { Environment } from "./environment.ts";
import { errnoCode, isExecutable, resourceError, targetKind } from "./files.ts";
import { endGroup, forgetGroup, markedEnvironment, noteLeader, trackGroup } from "./process-scope.ts";

/** Writes to a program's stdin after its end are dropped. */
export interface OpenInput {
	write(text: string): void;
	close(): void;
}

export interface ProcessOptions {
	readonly cwd: string;
	/** Complete: nothing is inherited. */
	readonly env: Environment;
	/** Stdin is closed afterwards. Default: empty stdin. */
	readonly input?: string | Uint8Array | undefined;
	/** Keeps stdin open, for interactive programs; called once, when the program runs. */
	readonly onInput?: ((input: OpenInput) => void) | undefined;
	readonly timeoutMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Bytes of each stream. Default 10 MB. */
	readonly maxBuffer?: number | undefined;
	/** For output beyond `maxBuffer`. Default: the excess is dropped. */
	readonly spillDir?: string | undefined;
	/** In bytes. Default 2 GB. */
	readonly maxSpill?: number | undefined;
	/** Excludes the line break (LF, CRLF or CR). */
	readonly onStdout?: ((line: string) => void) | undefined;
	readonly onStderr?: ((line: string) => void) | undefined;
	/** Between SIGTERM and SIGKILL. Default 2000. */
	readonly killGraceMs?: number | undefined;
	/** For processes left in the group. Default `leave`; after timeout or abort always `end`. */
	readonly leftovers?: "leave" | "end" | undefined;
}

/** `argv` runs without a shell, `shell` in `/bin/sh`. */
export type ProcessCommand =
	| { readonly argv: readonly string[]; readonly shell?: undefined }
	| { readonly shell: string; readonly argv?: undefined };

export interface ProcessResult {
	/** Null if it was ended by a signal or did not start. */
	readonly exitCode: number | null;
	readonly signal: NodeJS.Signals | null;
	/** At most `maxBuffer` bytes, as UTF-8. */
	readonly stdout: string;
	readonly stderr: string;
	/** File with the whole output, if it exceeded memory and `spillDir` was given. */
	readonly stdoutPath?: string;
	readonly stderrPath?: string;
	/** Whether `stdout` or `stderr` is incomplete. */
	readonly truncated: boolean;
	readonly timedOut: boolean;
	readonly aborted: boolean;
	/** Present if it did not start, with the system's code (`ENOENT`, `EACCES`, …). */
	readonly startError?: { readonly code: string; readonly message: string };
	/** Process id, also the id of its group and session. Absent if it did not start. */
	readonly leader?: number;
	readonly durationMs: number;
}

/**
 * Runs a program in its own process group and resolves when it has ended; never rejects because of
 * the program. Timeout and abort end the whole group, including grandchildren. Output in memory is
 * bounded.
 * @throws what a callback or writing a spill file threw (after the group was ended)
 */
export async function runProcess(options: ProcessOptions & ProcessCommand): Promise<ProcessResult> {
	const started = performance.now();
	const stdout = new CapturedOutput("stdout", options, options.onStdout);
	const stderr = new CapturedOutput("stderr", options, options.onStderr);
	const ended = (end: Partial<ProcessResult>): ProcessResult => ({
		exitCode: null,
		signal: null,
		stdout: stdout.text(),
		stderr: stderr.text(),
		...(stdout.path === undefined ? {} : { stdoutPath: stdout.path }),
		...(stderr.path === undefined ? {} : { stderrPath: stderr.path }),
		truncated: stdout.truncated || stderr.truncated,
		timedOut: false,
		aborted: false,
		durationMs: performance.now() - started,
		...end,
	});
	if (options.signal?.aborted) return ended({ aborted: true });
	const process = await startProcess(options);
	if ("error" in process) return ended({ startError: describeStartError(process.error, options) });
	trackGroup(process.leader);
	try {
		const ending = await watchProcess(process, options, stdout, stderr);
		return ended({ ...ending, leader: process.leader });
	} finally {
		forgetGroup(process.leader);
		stdout.end();
		stderr.end();
	}
}

interface StartedProcess {
	readonly child: ChildProcess;
	readonly leader: number;
}

async function startProcess(options: ProcessOptions & ProcessCommand): Promise<StartedProcess | { error: unknown }> {
	const settings: SpawnOptions = {
		cwd: options.cwd,
		env: { ...options.env },
		// A separate session and process group: one signal reaches every descendant that did not
		// leave it.
		detached: process.platform !== "win32",
		windowsHide: true,
		stdio: [options.input === undefined && !options.onInput ? "ignore" : "pipe", "pipe", "pipe"],
	};
	let child: ChildProcess;
	try {
		if (options.shell !== undefined) child = spawn(options.shell, { ...settings, shell: true });
		else child = spawn(options.argv[0] ?? "", options.argv.slice(1), settings);
	} catch (error) {
		return { error };
	}
	if (child.pid === undefined) return { error: await new Promise<unknown>((resolve) => child.once("error", resolve)) };
	return { child, leader: child.pid };
}

function describeStartError(
	error: unknown,
	options: ProcessOptions & ProcessCommand,
): { readonly code: string; readonly message: string } {
	const said = errnoCode(error) ?? "UNKNOWN";
	const program = options.argv?.[0] || "the program";
	// The system also reports EACCES for a missing program if a PATH directory is not searchable.
	const code = said === "EACCES" && isNowhere(program, options) ? "ENOENT" : said;
	if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR") {
		// A missing working directory is ENOENT, too, but must not read as a missing program.
		const kind = targetKind(options.cwd);
		if (kind === "missing") return { code, message: `the working directory ${options.cwd} does not exist` };
		if (kind !== "directory") return { code, message: `the working directory ${options.cwd} is not a directory` };
	}
	const sentences: Readonly<Record<string, string>> = {
		ENOENT: `${program} was not found`,
		EACCES: `${program} is not executable`,
		ENOEXEC: `${program} is not a program or a script with a "#!" line`,
		E2BIG: `the arguments and environment of ${program} are too long`,
	};
	const outOf = resourceError(program, error);
	if (outOf) return { code, message: `${outOf.message}: ${outOf.hint}` };
	const reason = error instanceof Error ? error.message : String(error);
	return { code, message: sentences[code] ?? `${program} could not be started: ${reason}` };
}

/** Returns whether no searchable directory of PATH has a file of this name. */
function isNowhere(name: string, { env, cwd }: ProcessOptions): boolean {
	if (name.includes("/")) return false;
	const directories = (env.PATH ?? "").split(delimiter);
	return directories.every((directory) => targetKind(resolve(cwd, directory, name)) !== "file");
}

/** After the program has ended, open pipes are read this long while no data arrives. */
const pipeGraceMs = 200;
/** While data keeps arriving. */
const pipeGraceAtMostMs = 2000;
const maxTimer = 2 ** 31 - 1;

async function watchProcess(
	process: StartedProcess,
	options: ProcessOptions,
	stdout: CapturedOutput,
	stderr: CapturedOutput,
): Promise<Pick<ProcessResult, "exitCode" | "signal" | "timedOut" | "aborted">> {
	const { child, leader } = process;
	let reason: "timeout" | "abort" | undefined;
	let ending: Promise<void> | undefined;
	let failure: { readonly error: unknown } | undefined;
	let lastData = performance.now();
	const end = () => {
		ending ??= endGroup(leader, options.killGraceMs ?? 2000);
	};
	const listen = (stream: NodeJS.ReadableStream | null, output: CapturedOutput) =>
		stream?.on("data", (chunk: Buffer) => {
			lastData = performance.now();
			if (failure) return;
			try {
				output.write(chunk);
			} catch (error) {
				failure = { error };
				end();
			}
		});
	listen(child.stdout, stdout);
	listen(child.stderr, stderr);
	// A program can end or close its stdin without reading it: that is not an error.
	child.stdin?.on("error", () => undefined);
	const { stdin } = child;
	if (options.onInput && stdin) options.onInput({ write: (text) => stdin.write(text), close: () => stdin.end() });
	else stdin?.end(options.input);
	const release = endOn(options, (why) => {
		reason ??= why;
		end();
	});
	const closed = once(child, "close");
	const [exitCode, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
	release();
	if (options.leftovers === "end") end();
	await ending;
	await pipesEnded(closed, () => lastData);
	for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
	if (failure) throw failure.error;
	return { exitCode, signal, timedOut: reason === "timeout", aborted: reason === "abort" };
}

export function endOn(
	options: Pick<ProcessOptions, "timeoutMs" | "signal">,
	end: (reason: "timeout" | "abort") => void,
): () => void {
	const onAbort = () => end("abort");
	options.signal?.addEventListener("abort", onAbort, { once: true });
	if (options.signal?.aborted) onAbort();
	const { timeoutMs } = options;
	const timer = timeoutMs === undefined ? undefined : setTimeout(() => end("timeout"), Math.min(timeoutMs, maxTimer));
	return () => {
		clearTimeout(timer);
		options.signal?.removeEventListener("abort", onAbort);
	};
}

/** Resolves when both pipes ended, or are open without data for a moment. */
async function pipesEnded(closed: Promise<unknown>, lastData: () => number): Promise<void> {
	let isClosed = false;
	const done = closed.then(() => {
		isClosed = true;
	});
	const exited = performance.now();
	for (;;) {
		let timer: NodeJS.Timeout | undefined;
		// The immediate after the timer lets buffered data be read first, even on a busy machine.
		const pause = new Promise<void>((resolve) => {
			timer = setTimeout(() => setImmediate(resolve), pipeGraceMs / 4);
		});
		await Promise.race([done, pause]);
		clearTimeout(timer);
		const now = performance.now();
		if (isClosed || now - exited > pipeGraceAtMostMs || now - Math.max(exited, lastData()) > pipeGraceMs) return;
	}
}

/** Longer lines are emitted in chunks, so that memory stays bounded. */
const maxLine = 1024 * 1024;

/** LF, CRLF and a lone CR (progress bars) end a line; `end` flushes the rest. */
export class LineSplitter {
	readonly #decoder = new StringDecoder("utf8");
	readonly #onLine: (line: string) => void;
	#rest = "";

	constructor(onLine: (line: string) => void) {
		this.#onLine = onLine;
	}

	write(chunk: Buffer): void {
		this.#split(this.#rest + this.#decoder.write(chunk), false);
	}

	end(): void {
		this.#split(this.#rest + this.#decoder.end(), true);
	}

	#split(text: string, isLast: boolean): void {
		// A CR at the very end can be the first half of a CRLF, so it is kept for the next chunk.
		const held = !isLast && text.endsWith("\r") ? "\r" : "";
		const lines = (held ? text.slice(0, -1) : text).split(/\r\n|\n|\r/);
		const last = lines.pop() ?? "";
		for (const line of lines) this.#onLine(line);
		if (isLast ? last !== "" : last.length > maxLine) {
			this.#onLine(last);
			this.#rest = held;
		} else this.#rest = last + held;
	}
}

/** The head is in memory; all of it is in a file once it exceeds that. */
class CapturedOutput {
	readonly #name: "stdout" | "stderr";
	readonly #maxBuffer: number;
	readonly #maxSpill: number;
	readonly #spillDir: string | undefined;
	readonly #lines: LineSplitter | undefined;
	#chunks: Buffer[] = [];
	#buffered = 0;
	#spilled = 0;
	#descriptor: number | undefined;
	#spillError: unknown;
	path: string | undefined;
	truncated = false;

	constructor(name: "stdout" | "stderr", options: ProcessOptions, onLine: ((line: string) => void) | undefined) {
		this.#name = name;
		this.#maxBuffer = options.maxBuffer ?? 10 * 1024 * 1024;
		this.#maxSpill = options.maxSpill ?? 2 ** 31;
		this.#spillDir = options.spillDir;
		this.#lines = onLine && new LineSplitter(onLine);
	}

	write(chunk: Buffer): void {
		this.#lines?.write(chunk);
		const room = this.#maxBuffer - this.#buffered;
		if (this.#descriptor === undefined && chunk.length > room) this.#startSpilling();
		if (this.#descriptor !== undefined) this.#spill(chunk);
		if (room <= 0) {
			this.truncated ||= chunk.length > 0;
			return;
		}
		const head = chunk.length > room ? chunk.subarray(0, room) : chunk;
		this.truncated ||= head.length < chunk.length;
		this.#chunks.push(head);
		this.#buffered += head.length;
	}

	end(): void {
		this.#lines?.end();
		if (this.#descriptor !== undefined) closeSync(this.#descriptor);
		this.#descriptor = undefined;
		if (this.#spillError) throw this.#spillError;
	}

	/** UTF-8; a character at the limit is dropped. */
	text(): string {
		const bytes = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks);
		this.#chunks = [bytes];
		return this.truncated ? new StringDecoder("utf8").write(bytes) : bytes.toString("utf8");
	}

	#startSpilling(): void {
		if (this.#spillDir === undefined || this.path !== undefined || this.#spillError) return;
		try {
			makeDirectories(this.#spillDir);
			const path = join(this.#spillDir, `${this.#name}-${randomBytes(6).toString("hex")}.txt`);
			this.#descriptor = openSync(path, "wx", 0o600);
			this.path = path;
		} catch (error) {
			this.#spillError = error;
			return;
		}
		for (const chunk of this.#chunks) this.#spill(chunk);
	}

	#spill(chunk: Buffer): void {
		if (this.#descriptor === undefined || this.#spillError) return;
		const part = chunk.subarray(0, Math.max(0, this.#maxSpill - this.#spilled));
		try {
			// Synchronous, so that the pipe is not read until the disk has this, and memory stays
			// bounded.
			writeFileSync(this.#descriptor, part);
			this.#spilled += part.length;
		} catch (error) {
			this.#spillError = error;
		}
	}
}

/** A name with a slash is relative to `cwd`, another is searched in `env.PATH`. */
export function findExecutable(name: string, env: Environment, cwd: string): string | undefined {
	if (name === "") return undefined;
	const extensions = process.platform === "win32" ? ["", ...(env.PATHEXT ?? ".EXE;.CMD;.BAT;.COM").split(";")] : [""];
	const isPath = name.includes("/") || (process.platform === "win32" && name.includes("\\"));
	const directories = isPath
		? [cwd]
		: (env.PATH ?? env.Path ?? "").split(delimiter).map((directory) => resolve(cwd, directory));
	for (const directory of directories) {
		for (const extension of extensions) {
			const candidate = resolve(directory, name + extension);
			if (isExecutable(candidate)) return candidate;
		}
	}
	return undefined;
}

/** The environment is the difference from the helper's own. */
export interface SpawnRequest extends Omit<ProcessOptions, "env" | "signal" | "onInput" | "onStdout" | "onStderr"> {
	readonly id: number;
	readonly command: ProcessCommand;
	readonly set: Readonly<Record<string, string>>;
	readonly unset: readonly string[];
}

export type ToHelper = { readonly run: SpawnRequest } | { readonly abort: number };

export type FromHelper =
	| { readonly id: number; readonly result: ProcessResult }
	| { readonly id: number; readonly error: string; readonly code?: string | undefined };

/** Missing when run from source; programs are then started directly. */
const host = join(import.meta.dirname, "spawn-host.js");

const helperExists: boolean = process.platform !== "win32" && existsSync(host);

class SpawnHelper {
	readonly #child: ChildProcess;
	readonly #env: Environment;
	readonly #waiting = new Map<number, { resolve(result: ProcessResult): void; reject(error: Error): void }>();
	#next = 1;
	ended = false;

	constructor(env: Environment) {
		this.#env = env;
		this.#child = spawn(process.execPath, [host], {
			env: { ...env },
			// A separate group: Ctrl-C is handled by this process.
			detached: true,
			stdio: ["ignore", "ignore", "ignore", "ipc"],
			serialization: "advanced",
		});
		this.#child.on("message", (message: FromHelper) => this.#settle(message));
		this.#child.on("error", () => this.#gone());
		this.#child.on("exit", () => this.#gone());
		this.#rest();
	}

	run(options: ProcessOptions & ProcessCommand): Promise<ProcessResult> {
		const id = this.#next++;
		const onAbort = () => this.#send({ abort: id });
		const result = new Promise<ProcessResult>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
		if (this.#waiting.size === 1) this.#awake();
		options.signal?.addEventListener("abort", onAbort, { once: true });
		this.#send({ run: request(id, options, this.#env) });
		return result.finally(() => {
			options.signal?.removeEventListener("abort", onAbort);
			if (this.#waiting.size === 0) this.#rest();
		});
	}

	#send(message: ToHelper): void {
		if (this.#child.connected) this.#child.send(message);
		else this.#gone();
	}

	#settle(message: FromHelper): void {
		const waiting = this.#waiting.get(message.id);
		this.#waiting.delete(message.id);
		if ("result" in message) waiting?.resolve(message.result);
		else waiting?.reject(Object.assign(new Error(message.error), { code: message.code }));
	}

	#gone(): void {
		this.ended = true;
		for (const { reject } of this.#waiting.values()) reject(new Error("the helper that starts programs has ended"));
		this.#waiting.clear();
	}

	/** While nothing runs, the helper must not keep this process alive. */
	#rest(): void {
		this.#child.unref();
		this.#child.channel?.unref();
	}

	#awake(): void {
		this.#child.ref();
		this.#child.channel?.ref();
	}
}

function request(id: number, options: ProcessOptions & ProcessCommand, base: Environment): SpawnRequest {
	const { argv, shell, env, signal: _, ...rest } = options;
	const set: Record<string, string> = {};
	for (const [name, value] of Object.entries(env)) if (value !== undefined && base[name] !== value) set[name] = value;
	const unset = Object.keys(base).filter((name) => base[name] !== undefined && env[name] === undefined);
	return { ...rest, id, command: argv ? { argv } : { shell: shell ?? "" }, set, unset };
}

/** A helper takes longer to start than a few programs do. */
const fewPrograms = 6;

let started = 0;
let helper: SpawnHelper | undefined;

/**
 * For programs that are run repeatedly: after the first few, a small helper process starts them,
 * since forking takes longer the more memory the parent has. Options with callbacks are run
 * directly. Processes that a program leaves running end with the `ProcessScope` in which it was
 * started.
 * @throws as `runProcess`; Error if the helper was killed meanwhile
 */
export async function runOneOfMany(options: ProcessOptions & ProcessCommand): Promise<ProcessResult> {
	const result = await start({ ...options, env: markedEnvironment(options.env) }, options.env);
	noteLeader(result.leader);
	return result;
}

/** @param base the environment without a mark, which a helper keeps for all programs */
function start(options: ProcessOptions & ProcessCommand, base: Environment): Promise<ProcessResult> {
	started += 1;
	const direct = started <= fewPrograms || options.onStdout || options.onStderr || options.onInput || !helperExists;
	if (direct || options.signal?.aborted) return runProcess(options);
	if (!helper || helper.ended) helper = new SpawnHelper(base);
	return helper.run(options);
}
