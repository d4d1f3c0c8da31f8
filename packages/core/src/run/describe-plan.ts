import { maskDeep } from "../base/secrets.ts";
import { readIndex } from "../model/result-files.ts";
import { describeWorkspace, type WorkspaceDescription } from "../workspace/describe-workspace.ts";
import { caseStates } from "./case-states.ts";
import type { RunPlan } from "./run-plan.ts";

/** What a run would do, for `--dry-run` and previews. */
export interface PlanDescription {
	readonly experiment: string;
	readonly workers: number;
	/** Where the plan is one of several parts. */
	readonly shard?: { readonly index: number; readonly count: number };
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
}

/** @param doneIn a run's directory: what has a result there is left out */
export function describePlan(plan: RunPlan, doneIn?: string): PlanDescription {
	const keys: string[] = [];
	const workspaces: WorkspaceDescription[] = [];
	const states = caseStates(plan, doneIn === undefined ? [] : readIndex(doneIn).rows);
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
		...{ experiment, workers, cases, workspaces },
		...(shard ? { shard: { index: shard.index, count: shard.count } } : {}),
	};
	return maskDeep(description, plan.masker);
}
