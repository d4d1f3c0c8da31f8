import type { ProcessResult } from "../io/run-process.ts";
import { shownCommand } from "../model/command.ts";
import type { CommandRunner } from "../model/command-runner.ts";
import type { Hook, HookName } from "../model/eval-types.ts";
import { wireHookNames } from "../model/load-workspace.ts";
import type { PrintedLog, WorkspaceStage } from "./contract.ts";
import { stoppedError, WorkspaceError } from "./workspace-error.ts";

/** What a hook of a test, or of the whole run, is told. */
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
	/** `AGENTV_…` variables and the workspace's own `env`, laid over what the eval's programs inherit. */
	readonly env: Readonly<Record<string, string>>;
	readonly signal?: AbortSignal | undefined;
	/** Tells, when `signal` is aborted, whether the whole run was stopped. */
	readonly runSignal?: AbortSignal | undefined;
	readonly log?: PrintedLog | undefined;
}

const defaultTimeoutMs = 60_000;
/** Bytes of each output stream that are kept for the message: a hook may print as much as it likes. */
const maxBuffer = 64 * 1024;

/** Runs one hook to its end. @throws WorkspaceError when it fails */
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

/** The end of what a program said, a few lines of it. */
function lastWords(text: string): string {
	return text.trim().split("\n").slice(-5).join("\n").slice(-1000);
}
