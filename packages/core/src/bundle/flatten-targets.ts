import type { Place } from "../base/diagnostic.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import { child } from "../model/source.ts";
import type { Rewriter } from "./rewriter.ts";

/** A target as the bundle defines it: its chain flattened under the name the eval uses, `${{ VAR }}` kept, paths rewritten. */
export function flattenTarget(target: ResolvedTarget, rewriter: Rewriter): Record<string, unknown> {
	const places = new Map<string, Place>();
	for (const [key, { part }] of target.origin) places.set(key, child(part, key).at);
	const { provider, ...settings } = rewriter.mapping(places);
	const judge = settings.grader_target === undefined ? "judge_target" : "grader_target";
	const flat: Record<string, unknown> = { name: target.name, provider: provider ?? target.provider, ...settings };
	// Names that variables chose are settled, as the chain is.
	if (target.graderTarget !== undefined && flat[judge] !== undefined) flat[judge] = target.graderTarget;
	if (target.settings.fallbackTargets) flat.fallback_targets = [...target.settings.fallbackTargets];
	return flat;
}
