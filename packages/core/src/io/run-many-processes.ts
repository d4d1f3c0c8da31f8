import type { Environment } from "./environment.ts";
import type { ProcessCommand, ProcessOptions, ProcessResult } from "./process/process-options.ts";
import { markedEnvironment, noteLeader } from "./process/process-scope.ts";
import { helperExists, SpawnHelper } from "./process/spawn-helper.ts";
import { runProcess } from "./run-process.ts";

/** A helper takes longer to start than a few programs do. */
const fewPrograms = 6;

let started = 0;
let helper: SpawnHelper | undefined;

/**
 * Runs `runProcess` for programs that are run repeatedly: after the first few, a small helper
 * process starts them, since forking takes longer the more memory the parent has. Options with
 * callbacks are run directly. Processes that a program leaves running end with the `ProcessScope`
 * that it was started in.
 * @throws as `runProcess`; Error if the helper was killed meanwhile
 */
export async function runOneOfMany(options: ProcessOptions & ProcessCommand): Promise<ProcessResult> {
	const result = await start({ ...options, env: markedEnvironment(options.env) }, options.env);
	noteLeader(result.leader);
	return result;
}

/** @param base the environment without a mark, which a helper keeps for all programs */
function start(options: ProcessOptions & ProcessCommand, base: Environment): Promise<ProcessResult> {
	started += 1;
	const direct = started <= fewPrograms || options.onStdout || options.onStderr || options.onInput || !helperExists;
	if (direct || options.signal?.aborted || (options.input !== undefined && typeof options.input !== "string"))
		return runProcess(options);
	if (!helper || helper.ended) helper = new SpawnHelper(base);
	return helper.run(options);
}
