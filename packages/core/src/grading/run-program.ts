import type { ProcessResult } from "../io/run-process.ts";
import type { CommandSpec } from "../model/command.ts";
import type { GraderServices, Subject } from "./contract.ts";

const defaultTimeoutMs = 60_000;

export interface ProgramRun {
	readonly command: CommandSpec;
	readonly timeoutSeconds?: number | undefined;
	readonly payload: object;
}

/** Runs a grader program with `payload` on stdin. */
export function runProgram(run: ProgramRun, subject: Subject, services: GraderServices): Promise<ProcessResult> {
	return services.runCommand(run.command, {
		values: {
			test_id: subject.testId,
			...(subject.workspacePath === undefined ? {} : { workspace_path: subject.workspacePath }),
		},
		env: services.programEnv,
		input: JSON.stringify(run.payload),
		timeoutMs: run.timeoutSeconds === undefined ? defaultTimeoutMs : run.timeoutSeconds * 1000,
		signal: services.signal,
		spillDir: services.scratch.path,
	});
}
