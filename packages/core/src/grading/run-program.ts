import { basename, resolve } from "node:path";
import { targetKind } from "../io/files/stat-path.ts";
import type { ProcessResult } from "../io/run-process.ts";
import { type CommandSpec, meansFile, parseAsRun, wordBases } from "../model/command.ts";
import { resolvePath } from "../model/path-text.ts";
import type { GraderServices, Subject } from "./contract.ts";

const defaultTimeoutMs = 60_000;

export interface ProgramRun {
	readonly command: CommandSpec;
	readonly timeoutSeconds?: number | undefined;
	readonly payload: object;
}

/** A missing script counts as a program that can't be started. */
export function runProgram(run: ProgramRun, subject: Subject, services: GraderServices): Promise<ProcessResult> {
	const missing = missingScript(run.command, services);
	if (missing !== undefined) return Promise.resolve(notStarted(`${missing} does not exist`));
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

const interpreters = /^(?:node|bun|deno|tsx|python[\d.]*|ruby|perl|php|sh|bash|dash|zsh|ksh)$/;

/**
 * Returns a command's script if it does not exist: its program, or the first argument of an
 * interpreter, if either begins with `./` or `../`. The interpreter would exit with 1, which looks
 * like a failed test.
 */
function missingScript(command: CommandSpec, { scope, view }: GraderServices): string | undefined {
	const parsed = parseAsRun(command);
	// The working directory may be known only at run time.
	if (parsed.kind === "shell" || command.cwd?.raw.includes("{{")) return undefined;
	const [program, script] = parsed.words.map(({ text }) => text);
	const named = program !== undefined && interpreters.test(basename(program)) ? script : program;
	if (named === undefined || !meansFile(named) || named.includes("{")) return undefined;
	if (wordBases(command).some((base) => targetKind(resolve(base, named)) !== "missing")) return undefined;
	const { at, base } = command;
	return resolvePath({ raw: named, at, base }, scope, view).found === undefined ? named : undefined;
}

function notStarted(message: string): ProcessResult {
	return {
		...{ exitCode: null, signal: null, stdout: "", stderr: "", truncated: false, timedOut: false, aborted: false },
		startError: { code: "ENOENT", message },
		durationMs: 0,
	};
}
