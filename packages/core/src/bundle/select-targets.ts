import type { Diagnostic } from "../base/diagnostic.ts";
import type { LoadedEval, TargetChoice } from "../model/eval-types.ts";
import type { TargetScope } from "../model/load-targets.ts";
import { type ResolvedTarget, resolveTarget, type TargetHop } from "../model/resolve-target.ts";
import { type TargetUse, usedTargets } from "../model/used-targets.ts";

/** The targets an eval needs, each resolved to what runs. */
export interface TargetSelection {
	/** By the name that the eval uses: what `targets.yaml` of the bundle defines. */
	readonly named: ReadonlyMap<string, ResolvedTarget>;
	/** Also those that the eval defines inline. */
	readonly all: readonly ResolvedTarget[];
	/** Every place that chooses a target. */
	readonly choices: readonly TargetChoice[];
	readonly diagnostics: readonly Diagnostic[];
}

/** Resolves every target that a test, a grader or another target may use; `chosen` (from `--target`) overrides the eval's choice. */
export function selectTargets(loaded: LoadedEval, scope: TargetScope, chosen: readonly string[]): TargetSelection {
	const uses = usedTargets(loaded, scope, chosen.length > 0 ? chosen : undefined);
	const named = new Map<string, ResolvedTarget>();
	const all = new Set<ResolvedTarget>();
	const diagnostics: Diagnostic[] = [];
	const take = (choice: TargetChoice, resolution: TargetUse["resolution"], optional: boolean): void => {
		if (!resolution.ok) {
			// A judge that nothing is judged by may be missing, as it may be for a run.
			if (!optional) diagnostics.push(...resolution.diagnostics.map(withTargetHint));
			return;
		}
		all.add(resolution.target);
		if (!("inline" in choice)) {
			named.set(choice.name, resolution.target);
			return;
		}
		const parent = [choice.inline.extends, choice.inline.use_target].find((name) => typeof name === "string");
		if (typeof parent !== "string") return;
		const base: TargetChoice = { name: parent, at: choice.at };
		take(base, resolveTarget(base, scope), false);
	};
	for (const { choice, resolution, implied, role } of uses) take(choice, resolution, implied && role === "grader");
	return { named, all: [...all], choices: uses.map(({ choice }) => choice), diagnostics };
}

function withTargetHint(diagnostic: Diagnostic): Diagnostic {
	const byVariable = diagnostic.rule === "env.unset" || String(diagnostic.data.name).includes("${{");
	return byVariable
		? { ...diagnostic, hint: `${diagnostic.hint ?? "set it"}; or select a target with --target NAME` }
		: diagnostic;
}

/** The variables that chose the hops of a chain, by name. */
export function chosenBy(via: readonly TargetHop[]): string[] {
	return [...new Set(via.flatMap((hop) => hop.next?.chosenBy ?? []))];
}
