import type { ProcessResult } from "../io/run-process.ts";
import { shownCommand } from "../model/command.ts";
import type { CommandRunner } from "../model/command-runner.ts";
import type { Hook, HookName } from "../model/eval-types.ts";
import { wireHookNames } from "../model/load-workspace.ts";
import type { PrintedLog, WorkspaceStage } from "./contract.ts";
import { stoppedError, WorkspaceError } from "./workspace-error.ts";

/** The input of a hook, of a test or the whole run. */
export interface HookSubject {
	readonly workspacePath: string;
	/** `__before_all__` and `__after_all__` for hooks of the run. */
	readonly testId: string;
	readonly runId: string;
	readonly input?: unknown;
	readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface HookServices {
	readonly runCommand: CommandRunner;
	/** Merged over the environment of the eval's programs. */
	readonly env: Readonly<Record<string, string>>;
	readonly signal?: AbortSignal | undefined;
	/** Tells whether an abort of `signal` stopped the whole run. */
	readonly runSignal?: AbortSignal | undefined;
	readonly log?: PrintedLog | undefined;
}

const defaultTimeoutMs = 60_000;
/** Bytes of each output stream that are kept for the message. */
const maxBuffer = 64 * 1024;

/** Runs one hook. @throws WorkspaceError if it fails */
export async function runHook(name: HookName, hook: Hook, subject: HookSubject, services: HookServices): Promise<void> {
	if (!hook.command) return;
	const stage = wireHookNames[name] as WorkspaceStage;
	const { workspacePath, testId, runId } = subject;
	const timeoutMs = hook.timeoutMs ?? defaultTimeoutMs;
	const metadata = subject.metadata ?? {};
	const result = await services.runCommand(hook.command, {
		values: { workspace_path: workspacePath, test_id: testId, eval_run_id: runId },
		env: { ...services.env, AGENTV_WORKSPACE_PATH: workspacePath },
		input: JSON.stringify({
			...{ workspace_path: workspacePath, test_id: testId, eval_run_id: runId },
			...{ case_input: subject.input ?? null, case_metadata: metadata, metadata },
		}),
		timeoutMs,
		maxBuffer,
		...(services.signal ? { signal: services.signal } : {}),
	});
	services.log?.(stage, shownCommand(hook.command), result.stdout + result.stderr);
	if (result.aborted) throw stoppedError(stage, `the ${stage} hook`, services.runSignal);
	const problem = problemOf(result, timeoutMs);
	if (problem) throw new WorkspaceError(stage, problem.reason, `the ${stage} hook ${problem.message}`);
}

function problemOf(result: ProcessResult, timeoutMs: number): { reason: string; message: string } | undefined {
	const said = lastWords(result.stderr) || lastWords(result.stdout);
	const words = said === "" ? "" : `: ${said}`;
	if (result.startError) {
		const reason = errnoReasons[result.startError.code] ?? "not-started";
		return { reason, message: `could not be started: ${result.startError.message}` };
	}
	if (result.timedOut)
		return { reason: "timeout", message: `did not finish within ${timeoutMs} ms and was ended${words}` };
	if (result.signal) return { reason: "signal", message: `was ended by ${result.signal}${words}` };
	if (result.exitCode !== 0) return { reason: "exit-code", message: `exited with code ${result.exitCode}${words}` };
	return undefined;
}

const errnoReasons: Readonly<Record<string, string>> = { ENOENT: "not-found", EACCES: "not-executable" };

/** Returns the last few lines of a program's output. */
function lastWords(text: string): string {
	return text.trim().split("\n").slice(-5).join("\n").slice(-1000);
}
