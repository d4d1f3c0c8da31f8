import type { Place } from "../base/diagnostic.ts";
import type { LoadedEval } from "./eval-types.ts";
import type { TargetScope } from "./load-targets.ts";
import type { ResolvedTarget } from "./resolve-target.ts";
import type { PlacedVariable } from "./source.ts";

/** Top-level fields that describe an eval and don't affect its run. */
const descriptive = new Set(["description", "author", "license", "version", "bundle", "requires"]);

/** Returns the variables of an eval's own files that a run of it reads. */
export function evalVariables({ variables }: LoadedEval): PlacedVariable[] {
	return variables.filter(({ at }) => !descriptive.has(String(at.path?.[0])));
}

/** Skips settings that another definition of the chain overrides. */
export function targetVariables(
	targets: Iterable<ResolvedTarget>,
	{ sources }: Pick<TargetScope, "sources">,
): PlacedVariable[] {
	const settings = [...targets].flatMap(({ origin }) =>
		[...origin].map(([key, { part }]): Place => ({ ...part.at, path: [...(part.at.path ?? []), key] })),
	);
	const variables = [...sources.values()].flatMap((source) => source.variables);
	return variables.filter(({ at }) => settings.some((setting) => isPlaceBelow(at, setting)));
}

export function isPlaceBelow(place: Place, above: Place): boolean {
	return (
		place.file === above.file &&
		place.line === above.line &&
		(above.path ?? []).every((key, index) => place.path?.[index] === key)
	);
}
