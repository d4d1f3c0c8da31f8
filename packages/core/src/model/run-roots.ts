import { join } from "node:path";
import { agentvHome, type Environment } from "../io/environment.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { repositoryRoot } from "../io/git/repository.ts";
import { resultsPlace } from "./home-places.ts";

export interface ResultsMachine {
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
}

/** A directory with `<experiment>/<time>` subdirectories. */
export interface RunRoot {
	readonly path: string;
	/** The benchmark or bundle of these runs; absent for the project of the current directory. */
	readonly owner?: string;
}

/** The current project, then benchmarks and bundles below `$AGENTV_HOME/results`. */
export function runRoots({ env, cwd }: ResultsMachine): RunRoot[] {
	const home = resultsPlace(agentvHome(env));
	const owners = listDirectory(home).filter((name) => pathKind(join(home, name)) === "directory");
	return [
		{ path: join(repositoryRoot(cwd) ?? cwd, ".agentv", "results", "runs") },
		...owners.map((owner) => ({ path: join(home, owner), owner })),
	];
}
