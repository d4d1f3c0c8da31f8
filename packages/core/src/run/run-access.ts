import { type AccessItem, accessOf } from "../model/access.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { Observed } from "./load-run.ts";
import type { PlannedCase, PlannedGraderTarget } from "./run-plan.ts";
import type { RunRequest } from "./run-request.ts";

/** What a run reads and reaches for each of its evals. */
export function accessOfRun(
	{ evals, view }: Observed,
	cases: readonly PlannedCase[],
	graderTargets: readonly PlannedGraderTarget[],
	{ regrade }: RunRequest,
): AccessItem[] {
	return evals.flatMap(({ loaded, targets: scope, planned }) => {
		const own = cases.filter((one) => one.eval === planned);
		const targets = new Set<ResolvedTarget>();
		// Recorded answers are graded without the targets that gave them.
		if (!regrade)
			for (const { target } of own) for (const one of [target.target, ...target.fallbacks]) targets.add(one);
		for (const one of graderTargets) if (one.eval === planned) targets.add(one.target);
		const tests = [...new Set(own.map(({ test }) => test))];
		return accessOf({ loaded, scope, targets: [...targets], tests, env: planned.env, view });
	});
}
