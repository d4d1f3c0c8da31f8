import { randomBytes } from "node:crypto";
import { foreignRepository } from "../io/git/foreign-repository.ts";
import { currentBranch, headCommit, isDirty, repositoryRoot } from "../io/git/repository.ts";
import { nodeVersion } from "../io/process/node-executable.ts";
import type { RunFile } from "../schema/run-file.ts";
import type { LiveTargets } from "./live-targets.ts";
import { requestFlags } from "./request-flags.ts";
import { plannedList, plannedTargets, targetRecord } from "./run-file.ts";
import type { RunPlan } from "./run-plan.ts";
import type { RunMachine } from "./run-request.ts";

export interface NewRunFileOptions {
	readonly signal: AbortSignal;
	readonly targets: LiveTargets;
}

/** The record of what a run is about to do. */
export async function newRunFile(plan: RunPlan, machine: RunMachine, options: NewRunFileOptions): Promise<RunFile> {
	const git = await gitState(plan, machine, options.signal);
	const startedAt = new Date().toISOString();
	return {
		formatVersion: 1,
		runId: `${startedAt.replace(/[-:]|\.\d+/g, "")}-${randomBytes(3).toString("hex")}`,
		experiment: plan.experiment,
		startedAt,
		agentvVersion: machine.version,
		nodeVersion,
		evals: plan.evals.map(({ label, file, name, digest }) => ({ file: label, path: file, name, digest })),
		targets: plannedTargets(plan.cases).map((target) => targetRecord(target, options.targets.facts(target))),
		...(git ? { git } : {}),
		flags: requestFlags(plan.request),
		planned: plannedList(plan),
	};
}

/** The commit of the repository that the evals lie in, and whether it has changes. */
async function gitState({ evals }: RunPlan, { env }: RunMachine, signal: AbortSignal): Promise<RunFile["git"]> {
	const root = evals[0] && repositoryRoot(evals[0].scope.directory);
	if (root === undefined) return undefined;
	const options = { env, signal, ...foreignRepository(root, env) };
	const [commit, branch, dirty] = await Promise.all([
		headCommit(root, options),
		currentBranch(root, options),
		isDirty(root, options),
	]);
	return commit === undefined ? undefined : { commit, dirty, ...(branch === undefined ? {} : { branch }) };
}
