import { AgentvError } from "../base/agentv-error.ts";
import type { Environment } from "../io/environment.ts";
import { runOneOfMany } from "../io/run-many-processes.ts";
import type { ProcessResult } from "../io/run-process.ts";
import type { CommandRunner } from "./command-runner.ts";
import type { DiskView } from "./disk-view.ts";
import type { EvalScope } from "./eval-scope.ts";
import { type RunnableCommand, resolveCommand } from "./resolve-command.ts";

export interface CommandServices {
	readonly view: DiskView;
	readonly scope: EvalScope;
	/** The process environment merged over the eval's `.env` files. */
	readonly env: Environment;
}

/** Each command is resolved by `resolveCommand` and runs in its own process group. */
export function commandRunner(services: CommandServices): CommandRunner {
	return async (command, run) => {
		let runnable: RunnableCommand;
		try {
			const { values, defaultCwd, extraWords } = run;
			const env = { ...services.env, ...run.env };
			runnable = resolveCommand(command, { ...services, env, values, defaultCwd, extraWords });
		} catch (error) {
			if (error instanceof AgentvError) return notStarted(error.message);
			throw error;
		}
		const { input, onInput, timeoutMs, signal, maxBuffer, spillDir, onStdout } = run;
		return runOneOfMany({ ...runnable, input, onInput, timeoutMs, signal, maxBuffer, spillDir, onStdout });
	};
}

function notStarted(message: string): ProcessResult {
	return {
		...{ exitCode: null, signal: null, stdout: "", stderr: "", truncated: false, timedOut: false, aborted: false },
		startError: { code: "UNRESOLVED", message },
		durationMs: 0,
	};
}
