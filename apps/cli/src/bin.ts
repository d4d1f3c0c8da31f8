#!/usr/bin/env node
// The only file that knows `process`. It imports nothing that a mere `--version` does not need.
import * as nodeModule from "node:module";
import type { Output } from "./context.ts";
import { version } from "./version.ts";

const argv = process.argv.slice(2);
const interrupted = 130;

/** NO_COLOR and FORCE_COLOR decide (no-color.org, force-color.org), else whether a terminal is there. */
function wantsColor(isTTY: boolean): boolean {
	const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
	if (NO_COLOR || argv.includes("--no-color")) return false;
	if (FORCE_COLOR) return FORCE_COLOR !== "0";
	return isTTY && TERM !== "dumb";
}

function output(stream: NodeJS.WriteStream): Output {
	// A reader that went away (`agentv … | head`) is no failure: what is left to say has no listener.
	stream.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code !== "EPIPE") throw error;
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
	return new Promise((resolve) => {
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
	// Only the exit code is set: an exit by force would cut what a slow pipe has not taken yet.
	process.exitCode = await main(argv, {
		env: process.env,
		cwd,
		stdout: output(process.stdout),
		stderr: output(process.stderr),
		ask: process.stdin.isTTY && process.stderr.isTTY ? ask : undefined,
		signal: interruption(),
	});
}

if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) process.stdout.write(`${version}\n`);
else await start();
