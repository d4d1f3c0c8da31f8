import { performance } from "node:perf_hooks";
import { CapturedOutput } from "./process/captured-output.ts";
import { forgetGroup, trackGroup } from "./process/process-group.ts";
import type { ProcessCommand, ProcessOptions, ProcessResult } from "./process/process-options.ts";
import { describeStartError, startProcess } from "./process/start-process.ts";
import { watchProcess } from "./process/watch-process.ts";

export type { OpenInput, ProcessCommand, ProcessOptions, ProcessResult } from "./process/process-options.ts";

/**
 * Runs a program in its own process group and resolves when it has ended; never rejects because of
 * the program. Timeout and abort end the whole group, including grandchildren. Output in memory is
 * bounded.
 * @throws what a callback or writing a spill file threw (after the group was ended)
 */
export async function runProcess(options: ProcessOptions & ProcessCommand): Promise<ProcessResult> {
	const started = performance.now();
	const capture = {
		maxBuffer: options.maxBuffer ?? 10 * 1024 * 1024,
		spillDir: options.spillDir,
		maxSpill: options.maxSpill ?? 2 ** 31,
	};
	const stdout = new CapturedOutput({ name: "stdout", ...capture, onLine: options.onStdout });
	const stderr = new CapturedOutput({ name: "stderr", ...capture, onLine: options.onStderr });
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
		const { exitCode, signal, reason } = await watchProcess(process, options, stdout, stderr);
		const { leader } = process;
		return ended({ exitCode, signal, timedOut: reason === "timeout", aborted: reason === "abort", leader });
	} finally {
		forgetGroup(process.leader);
		stdout.end();
		stderr.end();
	}
}
