#!/usr/bin/env -S node --
import { writeSync } from "node:fs";
import * as nodeModule from "node:module";
import { type Output, version } from "./context.ts";

// The only file that knows `process`. Imports no more than `--version` needs.

const argv = process.argv.slice(2);
const interrupted = 130;
const notRunnable = 4;

/** Follows no-color.org and force-color.org; by default, terminals have colours. */
function wantsColor(isTTY: boolean): boolean {
	const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
	if (NO_COLOR || argv.includes("--no-color")) return false;
	if (FORCE_COLOR) return FORCE_COLOR !== "0";
	return isTTY && TERM !== "dumb";
}

/** Exit code if output could not be written; overrides the command's. */
let failedWith: number | undefined;

function output(stream: NodeJS.WriteStream, name: string): Output {
	// EPIPE is not a failure: the reader has gone away (`agentv … | head`).
	stream.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code === "EPIPE" || failedWith !== undefined) return;
		failedWith = notRunnable;
		process.exitCode = failedWith;
		const hint = "Free disk space, or redirect the output elsewhere.";
		if (name === "stdout") tell(`error: stdout could not be written (${error.code ?? error.message})\nhint: ${hint}\n`);
	});
	const isTTY = stream.isTTY === true;
	return {
		write: (text) => {
			if (text !== "" && !stream.destroyed) stream.write(text);
		},
		async drained() {
			if (stream.writableNeedDrain && !stream.destroyed) await drain(stream);
			return !stream.destroyed;
		},
		isTTY,
		get columns() {
			return stream.columns ?? 80;
		},
		get rows() {
			return stream.rows;
		},
		color: wantsColor(isTTY),
	};
}

function drain(stream: NodeJS.WriteStream): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			stream.off("drain", done).off("close", done);
			resolve();
		};
		stream.on("drain", done).on("close", done);
	});
}

/** Aborts at the first Ctrl-C or SIGTERM; the second one exits immediately. */
function interruption(): AbortSignal {
	const controller = new AbortController();
	const stop = () => {
		if (controller.signal.aborted) process.exit(interrupted);
		controller.abort();
	};
	process.on("SIGINT", stop);
	process.on("SIGTERM", stop);
	return controller.signal;
}

/** Throws `interrupted` on Ctrl-C; returns an empty answer at the end of the input. */
async function ask(question: string): Promise<string> {
	const { createInterface } = await import("node:readline");
	const lines = createInterface({ input: process.stdin, output: process.stderr });
	const { AgentvError } = await import("@agentv/core");
	return new Promise((resolve, reject) => {
		lines.on("SIGINT", () => {
			reject(new AgentvError("interrupted", "interrupted"));
			lines.close();
		});
		lines.on("close", () => resolve(""));
		lines.question(question, (answer) => {
			resolve(answer);
			lines.close();
		});
	});
}

function currentDirectory(): string | undefined {
	try {
		return process.cwd();
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}

async function start(): Promise<void> {
	const cwd = currentDirectory();
	if (cwd === undefined) {
		process.stderr.write("error: the current directory no longer exists\nhint: Change to another directory.\n");
		process.exitCode = 2;
		return;
	}
	// Node 22 can cache compiled code; Node 20 lacks the function.
	(nodeModule as { enableCompileCache?: () => unknown }).enableCompileCache?.();
	const { main } = await import("./main.ts");
	await loadReport();
	// process.exit() would cut off output that a slow pipe has not read yet.
	const exitCode = await main(argv, {
		env: process.env,
		cwd,
		stdout: output(process.stdout, "stdout"),
		stderr: output(process.stderr, "stderr"),
		ask: process.stdin.isTTY && process.stderr.isTTY ? ask : undefined,
		signal: interruption(),
	});
	process.exitCode = failedWith ?? exitCode;
}

/** Writes synchronously and ignores errors, because the process is about to exit. */
function tell(text: string): void {
	try {
		writeSync(2, text);
	} catch {
		// Only the exit code can report this.
	}
}

let report: ((thrown: unknown) => number) | undefined;

async function loadReport(): Promise<void> {
	const [{ createOutputRedactor }, { reportFault }, { safeOutput }] = await Promise.all([
		import("@agentv/core"),
		import("./output/error.ts"),
		import("./output/terminal.ts"),
	]);
	const raw: Output = { write: tell, isTTY: false, columns: 80, color: false };
	const stderr = safeOutput(raw, createOutputRedactor(process.env));
	report = (thrown) => {
		const { text, exitCode } = reportFault(thrown, { stderr, debug: argv.includes("--debug") });
		stderr.write(text);
		return exitCode;
	};
}

/** Replaces Node's stack trace and its exit code 1, which would mean failed tests. */
function onFault(thrown: unknown): void {
	if (report) process.exit(report(thrown));
	// The redactor is not loaded yet, so the message is left out.
	const { code, name } = (thrown instanceof Error ? thrown : {}) as NodeJS.ErrnoException;
	const isMachine = /^E[A-Z]+$/.test(code ?? "") || thrown instanceof RangeError;
	const hint = isMachine
		? "Close other programs, or raise the limits of files and memory (ulimit)."
		: "Reinstall AgentV.";
	tell(`error: AgentV could not be started (${code ?? name ?? "unknown"})\nhint: ${hint}\n`);
	process.exit(isMachine ? notRunnable : internal);
}

const internal = 3;

process.on("uncaughtException", onFault);
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V"))
	output(process.stdout, "stdout").write(`${version}\n`);
else await start();
