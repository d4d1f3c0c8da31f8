#!/usr/bin/env -S node --
// The only file that knows `process`. It imports nothing that a mere `--version` does not need.
import { writeSync } from "node:fs";
import * as nodeModule from "node:module";
import type { Output } from "./context.ts";
import { version } from "./version.ts";

const argv = process.argv.slice(2);
const interrupted = 130;
const notRunnable = 4;

/** NO_COLOR and FORCE_COLOR decide (no-color.org, force-color.org), else whether a terminal is there. */
function wantsColor(isTTY: boolean): boolean {
	const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
	if (NO_COLOR || argv.includes("--no-color")) return false;
	if (FORCE_COLOR) return FORCE_COLOR !== "0";
	return isTTY && TERM !== "dumb";
}

/** The exit code where the machine failed while something was printed; it wins over what the command came to. */
let failedWith: number | undefined;

function output(stream: NodeJS.WriteStream, name: string): Output {
	// A reader that went away (`agentv … | head`) is no failure: what is left to say has no listener.
	stream.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code === "EPIPE" || failedWith !== undefined) return;
		failedWith = notRunnable;
		process.exitCode = failedWith;
		const hint = "Make room where the output goes, or let it go elsewhere.";
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

/** Waits until the stream takes more, or is closed because nobody reads it. */
function drain(stream: NodeJS.WriteStream): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			stream.off("drain", done).off("close", done);
			resolve();
		};
		stream.on("drain", done).on("close", done);
	});
}

/** Aborts at the first Ctrl-C or SIGTERM, so that work can be put down in order; the second one ends at once. */
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

/** Asks on the terminal; Ctrl-C and the end of the input are an empty answer. */
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

/** Undefined where it was removed while we stood in it. */
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
		process.stderr.write("error: the current directory does not exist any more\nhint: Change to another one.\n");
		process.exitCode = 2;
		return;
	}
	// Node 22 keeps compiled code between runs; Node 20 does not know the function.
	(nodeModule as { enableCompileCache?: () => unknown }).enableCompileCache?.();
	const { main } = await import("./main.ts");
	await loadReport();
	// Only the exit code is set: an exit by force would cut what a slow pipe has not taken yet.
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

/** Writes to stderr, whatever state it is in. */
function tell(text: string): void {
	try {
		writeSync(2, text);
	} catch {
		// There is nowhere left to say it; the exit code does.
	}
}

/** Reports what no command caught and returns the exit code; undefined until what it needs is loaded. */
let report: ((thrown: unknown) => number) | undefined;

async function loadReport(): Promise<void> {
	const [{ createOutputRedactor }, { reportFault }, { safeOutput }] = await Promise.all([
		import("@agentv/core"),
		import("./report/error.ts"),
		import("./terminal/safe-output.ts"),
	]);
	// Streams write later, and the process ends now.
	const raw: Output = { write: tell, isTTY: false, columns: 80, color: false };
	const stderr = safeOutput(raw, createOutputRedactor(process.env));
	report = (thrown) => {
		const { text, exitCode } = reportFault(thrown, { stderr, debug: argv.includes("--debug") });
		stderr.write(text);
		return exitCode;
	};
}

/** What no command caught: a stack would say nothing to the user, and code 1 that tests failed. */
function onFault(thrown: unknown): void {
	if (report) process.exit(report(thrown));
	// Nothing is loaded that could redact a message, and nothing that a user wrote has been read.
	const { code, name } = (thrown instanceof Error ? thrown : {}) as NodeJS.ErrnoException;
	const isMachine = /^E[A-Z]+$/.test(code ?? "") || thrown instanceof RangeError;
	const hint = isMachine
		? "Close other programs, or raise the limits of files and memory (ulimit)."
		: "Install it again.";
	tell(`error: AgentV could not be started (${code ?? name ?? "unknown"})\nhint: ${hint}\n`);
	process.exit(isMachine ? notRunnable : internal);
}

const internal = 3;

process.on("uncaughtException", onFault);
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V"))
	output(process.stdout, "stdout").write(`${version}\n`);
else await start();
