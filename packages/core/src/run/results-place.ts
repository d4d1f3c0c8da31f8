import { join } from "node:path";
import { agentvHome } from "../io/environment.ts";
import { repositoryRoot } from "../io/git/repository.ts";
import type { RunPlan } from "./run-plan.ts";
import type { RunMachine } from "./run-request.ts";

export interface ResultsPlace {
	/** Experiments are folders of it. */
	readonly root: string;
	/** The folder whose content git is to ignore. */
	readonly ignored: string;
}

/** Where records go: the project's results folder; for what a run must not dirty, below `$AGENTV_HOME`. */
export function resultsPlace({ evals }: RunPlan, { env, cwd }: RunMachine): ResultsPlace {
	const bundle = evals.find(({ scope }) => scope.rootKind === "bundle");
	if (bundle) {
		const name = bundle.name;
		const ignored = join(agentvHome(env), "results");
		return { root: join(ignored, name), ignored };
	}
	const ignored = join(repositoryRoot(cwd) ?? cwd, ".agentv", "results");
	return { root: join(ignored, "runs"), ignored };
}
