import { redactDeep } from "../base/redact.ts";
import { type AccessDescription, describeAccess } from "../model/consent.ts";
import type { OpaqueUse } from "../model/opaque-uses.ts";
import { describeWorkspace, type WorkspaceDescription } from "../workspace/describe-workspace.ts";
import { type ShardBudget, shardBudgets } from "./budgets.ts";
import { caseStates } from "./case-states.ts";
import { Fingerprints } from "./fingerprints.ts";
import { opaqueParts } from "./opaque-parts.ts";
import type { RunPlan } from "./run-plan.ts";
import { type TakeUpOptions, takeUp } from "./take-up.ts";

/** What a run would do, for `--dry-run` and previews. */
export interface PlanDescription {
	readonly experiment: string;
	readonly workers: number;
	/** Where the plan is one of several parts. */
	readonly shard?: {
		readonly index: number;
		readonly count: number;
		/** What it may spend of the run's budgets; empty if there are none. */
		readonly budgets: readonly ShardBudget[];
	};
	/** Tests × targets in their order. */
	readonly cases: readonly {
		readonly eval: string;
		readonly testId: string;
		readonly target: string;
		readonly provider: string;
		readonly attempts: number;
		readonly graders: readonly string[];
		readonly dependsOn: readonly string[];
		/** Index in `workspaces`; absent: none. */
		readonly workspace?: number;
	}[];
	/** What workspaces would copy, clone and call; tests of the same one share what is prepared once. */
	readonly workspaces: readonly WorkspaceDescription[];
	/** What it reads of the machine beyond the evals' own files, and which hosts it reaches. */
	readonly access: AccessDescription;
	/** What results will depend on and fingerprints can't cover. */
	readonly opaque: readonly OpaqueUse[];
}

/** How a run would be resumed: what has a result that counts is left out. */
export type ResumeChoices = Pick<TakeUpOptions, "directory" | "retryErrors" | "rerunChanged">;

/**
 * Describes what a run would do, and does nothing.
 * @throws AgentvError `config` as resuming would, when recorded results are made of something that has changed
 */
export function describePlan(plan: RunPlan, resume?: ResumeChoices): PlanDescription {
	const keys: string[] = [];
	const workspaces: WorkspaceDescription[] = [];
	const quiet = { fingerprints: new Fingerprints(plan), isPreview: true, warn: () => undefined };
	const isNew = resume?.directory === undefined && plan.request.onlyMissing === undefined;
	const states = !resume || isNew ? caseStates(plan, []) : takeUp(plan, { ...resume, ...quiet }).own;
	const left = states.filter(({ result }) => !result);
	const cases = left.map((state) => {
		const { eval: of, test, target, assertions, workspace } = state.one;
		let position = workspace ? keys.indexOf(workspace.key) : -1;
		if (workspace && position === -1) {
			position = keys.push(workspace.key) - 1;
			workspaces.push(describeWorkspace(workspace.spec, plan.view));
		}
		const all = [...assertions, ...test.turns.flatMap((turn) => turn.assertions)];
		return {
			...{ eval: of.label, testId: test.id, target: target.target.name, provider: target.target.provider },
			attempts: state.missing.length,
			graders: all.map(({ name }) => name),
			dependsOn: test.dependsOn,
			...(position === -1 ? {} : { workspace: position }),
		};
	});
	const { experiment, workers, shard } = plan;
	const description = {
		...{
			experiment,
			workers,
			cases,
			workspaces,
			access: describeAccess(plan.access, plan.newAccess),
			opaque: opaqueParts(plan),
		},
		...(shard ? { shard: { index: shard.index, count: shard.count, budgets: shardBudgets(plan) } } : {}),
	};
	return redactDeep(description, plan.redact);
}
