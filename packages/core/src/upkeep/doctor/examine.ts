import { throwIfAborted } from "../../io/files/throw-if-aborted.ts";
import { checkEvals } from "./check-evals.ts";
import { checkHome } from "./check-home.ts";
import { checkMachine } from "./check-machine.ts";
import { checkOnline } from "./check-online.ts";
import { checkPrograms } from "./check-programs.ts";
import { checkStorage } from "./check-storage.ts";
import { checkTargets } from "./check-targets.ts";
import { checkVariables } from "./check-variables.ts";
import type { DoctorItem } from "./doctor-item.ts";
import { type ExamineOptions, examineEvals } from "./observe-evals.ts";
import type { ProgramSearch } from "./program-version.ts";

export interface DoctorOptions extends ExamineOptions {
	/** Ask the remotes of benchmarks and the servers of targets, too, and wait so long for each. Default: go nowhere. */
	readonly onlineMs?: number;
}

/**
 * Looks whether this machine has what AgentV and the evals here need, and says what to do. Changes nothing; of all programs only well-known
 * ones are run, and those with `--version` alone.
 * @throws AgentvError `interrupted`, `not-found`
 */
export async function examine(options: DoctorOptions): Promise<DoctorItem[]> {
	const { env, cwd, signal, onlineMs } = options;
	const examined = await examineEvals(options);
	const projects = [...new Set(examined.evals.map(({ loaded }) => loaded.scope.root))];
	const search: ProgramSearch = { env, cwd, projects, signal };
	const items = [
		...(await checkMachine(search)),
		...checkHome(env),
		...checkEvals(examined),
		...(await checkPrograms(examined, search)),
		...(await checkTargets(examined)),
		...checkVariables(examined, cwd),
		...(await checkStorage({ env, cwd, signal })),
		...(onlineMs === undefined ? [] : await checkOnline(examined, { env, timeoutMs: onlineMs, signal })),
	];
	throwIfAborted(signal, "checking this machine");
	return items;
}
