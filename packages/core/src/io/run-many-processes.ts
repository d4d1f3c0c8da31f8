import type { ProcessCommand, ProcessOptions, ProcessResult } from "./process/process-options.ts";
import { helperExists, SpawnHelper } from "./process/spawn-helper.ts";
import { runProcess } from "./run-process.ts";

/** A helper takes longer to start than a few programs do. */
const fewPrograms = 6;

let started = 0;
let helper: SpawnHelper | undefined;

/**
 * `runProcess` for programs that are run again and again: after the first few a small helper process starts them, since starting a
 * program takes the longer the more memory the starter has. Options with callbacks are run directly.
 * @throws as `runProcess`; Error where the helper was killed meanwhile
 */
export function runOneOfMany(options: ProcessOptions & ProcessCommand): Promise<ProcessResult> {
	started += 1;
	const direct = started <= fewPrograms || options.onStdout || options.onStderr || options.onInput || !helperExists;
	if (direct || options.signal?.aborted || (options.input !== undefined && typeof options.input !== "string"))
		return runProcess(options);
	if (!helper || helper.ended) helper = new SpawnHelper(options.env);
	return helper.run(options);
}
