import type { DocumentPath } from "../base/diagnostic.ts";
import type { TargetDefinition } from "../model/load-targets.ts";
import type { PlacedVariable } from "../model/source.ts";
import type { EvalContext } from "./eval-context.ts";

/** The target definitions that an eval uses, each once. */
export function usedDefinitions({ uses }: EvalContext): TargetDefinition[] {
	const used = new Set<TargetDefinition>();
	for (const { resolution } of uses)
		for (const { definition } of resolution.ok ? resolution.target.via : resolution.via) used.add(definition);
	return [...used];
}

/** The variables of the eval's own files, and of the target definitions that it uses. */
export function usedVariables(context: EvalContext): PlacedVariable[] {
	const { loaded, targets } = context;
	const inTargets = usedDefinitions(context).flatMap(({ file, part }) =>
		(targets.sources.get(file)?.variables ?? []).filter(({ at }) => isBelow(at.path, part.at.path)),
	);
	return [...loaded.variables, ...inTargets];
}

export function isBelow(path: DocumentPath = [], above: DocumentPath = []): boolean {
	return above.every((key, index) => path[index] === key);
}
