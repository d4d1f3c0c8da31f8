import type { ResolvedTarget } from "../model/resolve-target.ts";
import { allGraders, modelOf } from "./needed-model.ts";
import type { PlannedCase, PlannedGraderTarget, RunPlan } from "./run-plan.ts";

const models: ReadonlySet<string> = new Set(["openai", "azure", "openrouter", "anthropic", "gemini"]);

/** Whether targets of a provider are calls of a language model: they can judge, are asked again by default, and can be cached. */
export function isModel(provider: string): boolean {
	return models.has(provider);
}

/** The name of the target that judges: the one that is asked for, else the tested target's `grader_target`, else that target if it is a model. */
export function graderTargetName(asked: string | undefined, tested: ResolvedTarget): string | undefined {
	return asked ?? tested.graderTarget ?? (isModel(tested.provider) ? tested.name : undefined);
}

/** The targets that judge the cases, each once for each eval. */
export function graderTargetsOf(
	cases: readonly PlannedCase[],
	graderTarget: RunPlan["graderTarget"],
): PlannedGraderTarget[] {
	const found = new Map<ResolvedTarget, PlannedGraderTarget>();
	for (const one of cases)
		for (const grader of allGraders(one)) {
			const asked = modelOf(grader);
			const target = asked && graderTarget(one.eval.label, asked.target, one.target.target);
			if (target) found.set(target, { target, eval: one.eval });
		}
	return [...found.values()];
}
