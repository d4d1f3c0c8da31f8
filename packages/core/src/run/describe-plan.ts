import { describeWorkspace, type WorkspaceDescription } from "../workspace/describe-workspace.ts";
import type { RunPlan } from "./run-plan.ts";

/** What a run would do, for `--dry-run` and previews. */
export interface PlanDescription {
	readonly experiment: string;
	readonly workers: number;
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

export function describePlan(plan: RunPlan): PlanDescription {
	const keys: string[] = [];
	const workspaces: WorkspaceDescription[] = [];
	const cases = plan.cases.map(({ eval: { label }, test, target: { target }, repeat, assertions, workspace }) => {
		let position = workspace ? keys.indexOf(workspace.key) : -1;
		if (workspace && position === -1) {
			position = keys.push(workspace.key) - 1;
			workspaces.push(describeWorkspace(workspace.spec, plan.view));
		}
		const all = [...assertions, ...test.turns.flatMap((turn) => turn.assertions)];
		return {
			...{ eval: label, testId: test.id, target: target.name, provider: target.provider, attempts: repeat.count },
			graders: all.map(({ name }) => name),
			dependsOn: test.dependsOn,
			...(position === -1 ? {} : { workspace: position }),
		};
	});
	return { experiment: plan.experiment, workers: plan.workers, cases, workspaces };
}
