import { performance } from "node:perf_hooks";
import type { CapturedOutput } from "./captured-output.ts";
import { endGroup } from "./process-group.ts";
import type { ProcessOptions } from "./process-options.ts";
import type { StartedProcess } from "./start-process.ts";

export interface ProcessEnding {
	readonly exitCode: number | null;
	readonly signal: NodeJS.Signals | null;
	/** Why we ended it, if we did. */
	readonly reason: "timeout" | "abort" | undefined;
}

/** Milliseconds to keep reading open pipes after the program has ended, while no data arrives. */
const pipeGraceMs = 200;
/** Milliseconds if data keeps arriving. */
const pipeGraceAtMostMs = 2000;
const longestTimer = 2 ** 31 - 1;

/** Passes input, collects output, and ends the group on timeout, abort or a callback's error. */
export async function watchProcess(
	process: StartedProcess,
	options: ProcessOptions,
	stdout: CapturedOutput,
	stderr: CapturedOutput,
): Promise<ProcessEnding> {
	const { child, leader } = process;
	let reason: ProcessEnding["reason"];
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
	const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
	const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
		child.once("exit", (code, by) => resolve([code, by]));
	});
	release();
	if (options.leftovers === "end") end();
	await ending;
	await pipesEnded(closed, () => lastData);
	for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
	if (failure) throw failure.error;
	return { exitCode, signal, reason };
}

/** Calls `end` on timeout or abort, until the returned function is called. */
function endOn(options: ProcessOptions, end: (reason: "timeout" | "abort") => void): () => void {
	const onAbort = () => end("abort");
	options.signal?.addEventListener("abort", onAbort, { once: true });
	if (options.signal?.aborted) onAbort();
	const { timeoutMs } = options;
	const timer =
		timeoutMs === undefined ? undefined : setTimeout(() => end("timeout"), Math.min(timeoutMs, longestTimer));
	return () => {
		clearTimeout(timer);
		options.signal?.removeEventListener("abort", onAbort);
	};
}

/** Resolves when both pipes ended, or stay open without data for a moment. */
async function pipesEnded(closed: Promise<void>, lastData: () => number): Promise<void> {
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
