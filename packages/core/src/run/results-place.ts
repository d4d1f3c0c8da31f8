import { basename, join } from "node:path";
import { agentvHome } from "../io/environment.ts";
import { repositoryRoot } from "../io/git/repository.ts";
import { benchmarkOfFile } from "../model/benchmark-paths.ts";
import { findScope } from "../model/eval-scope.ts";
import { experimentFolder } from "./run-directory.ts";
import type { PlannedEval, RunPlan } from "./run-plan.ts";
import type { RunMachine } from "./run-request.ts";

export interface ResultsPlace {
	/** Experiments are folders of it. */
	readonly root: string;
	/** The folder whose content git is to ignore. */
	readonly ignored: string;
}

/** Where records go: the project's results folder; for what a run must not dirty, bundles and synced benchmarks, below `$AGENTV_HOME`. */
export function resultsPlace({ evals, view }: RunPlan, { env, cwd }: RunMachine): ResultsPlace {
	const names = evals.flatMap((one) => untouchable(one, env) ?? []);
	const own = findScope(cwd, cwd, view);
	const here = names[0] ?? (own.rootKind === "bundle" ? bundleName(own.root) : undefined);
	if (here !== undefined) {
		const ignored = join(agentvHome(env), "results");
		return { root: join(ignored, here), ignored };
	}
	const ignored = join(repositoryRoot(cwd) ?? cwd, ".agentv", "results");
	return { root: join(ignored, "runs"), ignored };
}

/** The name of the benchmark or bundle that an eval lies in, where a run must leave no trace. */
function untouchable({ file, scope }: PlannedEval, env: RunMachine["env"]): string | undefined {
	const benchmark = benchmarkOfFile(file, env);
	if (benchmark?.isGitBacked) return benchmark.id;
	return scope.rootKind === "bundle" ? bundleName(scope.root) : undefined;
}

/** A bundle is called as its directory. */
function bundleName(root: string): string {
	return experimentFolder(basename(root));
}
