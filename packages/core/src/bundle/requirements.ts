import { neededPrograms } from "../model/needed-programs.ts";
import type { References } from "../model/reference.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { BundleManifest } from "../schema/bundle-manifest.ts";
import type { GatheredSources } from "./gather-sources.ts";

/** What must be installed where the bundle runs: programs by name, and npm packages that its scripts import. */
export function requirements(
	references: References,
	gathered: GatheredSources,
	targets: readonly ResolvedTarget[],
	usesGit: boolean,
): BundleManifest["requires"] {
	const executables = neededPrograms(references, targets);
	for (const program of gathered.programs) executables.add(program);
	if (usesGit) executables.add("git");
	return { packages: [...gathered.packages], executables: [...executables].sort() };
}
